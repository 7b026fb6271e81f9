"""What words say of the values beside them, in the notations that errors have."""
