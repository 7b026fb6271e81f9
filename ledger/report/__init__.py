"""What a destination received, as a report: a model that machines read, and renderings of it."""
