"""Whether two commands are one request sent twice: equal in all but ids and times."""

from typing import Final

import msgspec

from libs.events.commands import AnyCommand, PlaceOrder
from services.order_api.terms import CANCEL_AFTER

_MADE_HERE: Final = frozenset(("command_id", "sent", "attempt", "replay_of", "key"))
"""Fields order_api gives, not the client."""
_DURATIONS: Final = frozenset(CANCEL_AFTER.values())


def difference(first: AnyCommand, second: AnyCommand) -> str:
    """The first field, as the client names it, in which they differ; empty when they do not."""
    if type(first) is not type(second):
        return "op"
    made_here = _MADE_HERE
    if isinstance(first, PlaceOrder) and isinstance(second, PlaceOrder):
        made_here |= {"order_id", "expire_time"} if _same_duration(first, second) else {"order_id"}
    for field in msgspec.structs.fields(first):
        if field.name not in made_here and getattr(first, field.name) != getattr(second, field.name):
            return "product_id" if field.name == "number" else field.name
    return ""


def _same_duration(first: PlaceOrder, second: PlaceOrder) -> bool:
    """Whether both end so long after they were sent as the same `cancel_after` says."""
    duration = first.expire_time - first.sent
    return duration in _DURATIONS and second.expire_time - second.sent == duration
