"""What the machine gives and takes: files, memory, threads, accounts."""
