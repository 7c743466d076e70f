"""What operators see of dead letters and replays, and what a replay of one would do."""
