"""Was this value ever sent? Answers from needles, and what must be rotated."""
