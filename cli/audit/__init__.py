"""`outcry audit`: commands are decided again, and what comes out is held against what was published."""
