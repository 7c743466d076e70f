"""`outcry dlq`: dead letters seen, tried, replayed and discarded, through the same endpoints as everybody."""
