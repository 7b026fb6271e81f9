"""Needles: keyed fingerprints of what left, to look values up later."""
