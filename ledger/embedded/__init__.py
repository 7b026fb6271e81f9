"""Accounts of pipelines that are embedded in applications, handed to a collector."""
