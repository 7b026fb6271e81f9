"""The running collector: its process, what runs in it, and what becomes of it while it runs."""
