"""Integers and enumerations as the REST shape writes them."""

from datetime import UTC, datetime
from enum import IntEnum

from libs.service.clock import NANOSECONDS


def iso(time: int) -> str:
    """Nanoseconds since the epoch as ISO 8601, to the last digit."""
    seconds, rest = divmod(time, NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def word(value: IntEnum) -> str:
    """`no_liquidity` of `DoneReason.NO_LIQUIDITY`."""
    return value.name.lower()
