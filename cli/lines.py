"""An event as a line for a person: when, where, what, and the fields that say something."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from libs.events.tail import Plain

_SHOWN_BEFORE: Final = frozenset(("event", "product_id", "seq", "number", "sequence", "time"))
_NONE_AT_ZERO: Final = frozenset(("expire_time", "max_floor", "stop_price"))
"""Of most orders these are 0, and then they say nothing."""
_TIMES: Final = frozenset(("deadline", "expire_time"))
_FOR_MACHINES: Final = frozenset(("command_id", "command_offset", "last", "key", "sent"))


def line(event: dict[str, Plain]) -> str:
    """`09:15:57.123456 BTC-USD #4711 TradeExecuted price=78349.00 size=0.01000000 …`"""
    said = fields({name: value for name, value in event.items() if name not in _SHOWN_BEFORE})
    product = event.get("product_id") or "-"
    return f"{_clock(event['time'])} {product} #{event['sequence']} {event['event']} {said}".rstrip()


def fields(given: Mapping[str, Plain]) -> str:
    """`price=78349.00 size=0.01000000 …`: what says something."""
    return " ".join(
        f"{name}={_moment(value) if name in _TIMES else _text(value)}"
        for name, value in given.items()
        if name not in _FOR_MACHINES and _says_something(name, value)
    )


def _says_something(name: str, value: Plain) -> bool:
    if name in _NONE_AT_ZERO and str(value).strip("0.") == "":
        return False
    return value not in ("", None)


def _moment(nanoseconds: Plain) -> str:
    """A time that may be on another day."""
    assert isinstance(nanoseconds, int), "times are integers"
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds % 10**9:09}Z"


def _clock(nanoseconds: Plain) -> str:
    assert isinstance(nanoseconds, int), "engine time is an integer"
    at = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return f"{at:%H:%M:%S}.{nanoseconds % 10**9 // 1000:06}"


def _text(value: Plain) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={_text(each)}" for name, each in value.items()) + "}"
    return str(value)
