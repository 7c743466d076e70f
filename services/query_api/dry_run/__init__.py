"""What a replay of a dead letter would cause, decided by the rules on a copy of the state. Runs as a process of its own.

Nothing here produces, commits, or joins a group.
"""
