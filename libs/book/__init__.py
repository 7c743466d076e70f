"""The state of a partition and how facts change it. Pure: no clock, no I/O, no randomness.

`fold(state, event)` rebuilds exactly the state from which the next command was decided; it holds no matching logic.
"""
