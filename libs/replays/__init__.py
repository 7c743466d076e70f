"""Replays of dead letters: what was planned, what was wanted of it, and how far it is. Shared by whoever runs and shows them."""
