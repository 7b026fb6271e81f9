"""What documents tell about the code that made them: packages, files, hosts, statements."""
