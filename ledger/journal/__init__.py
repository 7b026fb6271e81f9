"""The journal: what was decided and when, in a chain of hashes."""
