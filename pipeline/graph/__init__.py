"""What a configuration becomes, and how that changes while payloads pass through it."""
