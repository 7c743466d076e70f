"""What was once published: bytes that every later version must read, and fold to the same state."""
