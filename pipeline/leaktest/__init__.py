"""Leak tests: planted values of every class, in every place and encoding, through a policy."""
