"""What operators do to dead letters: plan and run replays, discard. Every step is in `operator-audit` before it is done."""
