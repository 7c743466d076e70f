"""`outcry snapshot`: what is saved of each partition, and whether it is what the log adds up to."""
