"""Owns partitions of `orders`: takes them over, matches, commits events with the input offset, snapshots."""
