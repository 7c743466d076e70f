"""Commands in over HTTP, validated and told from repeats, out to the log `orders`: the write side's front."""
