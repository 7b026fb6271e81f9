"""Whether a candidate can be what it looks like: lengths, alphabets, checksums, numbering plans."""
