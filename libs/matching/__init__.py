"""Decisions: a command in, events out. Pure: they depend on state, command, offset and append time alone."""

from libs.matching.engine import RULES, Engine

__all__ = ["RULES", "Engine"]
