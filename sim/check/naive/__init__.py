"""An exchange that is slow to think and hard to get wrong: dictionaries that keep the order in which things were put in.

It is given the commands of a partition and works out every event that they must cause, field by field. It has the
rules of `docs/reference/matching.md`, and nothing of the engine's code.
"""
