"""Who asks, and what they may do: what both APIs ask before they do anything."""
