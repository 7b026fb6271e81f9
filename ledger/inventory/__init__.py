"""Lists of what somebody wants to look for, and every way in which they are written."""
