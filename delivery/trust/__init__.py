"""Whether people trust a destination: what they say, what is in force, and who has to obey."""
