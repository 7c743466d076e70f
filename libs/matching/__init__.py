"""Decisions: a command in, events out. Pure: they depend on state, command, offset and append time alone."""

from libs.matching.engine import RULES, Engine
from libs.matching.timing import DeadlineFault

__all__ = ["RULES", "DeadlineFault", "Engine"]
