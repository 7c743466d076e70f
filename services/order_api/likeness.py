"""Whether two commands are one request sent twice: equal in all but ids and times."""

from typing import Final

import msgspec

from libs.events.commands import AnyCommand, PlaceOrder

_MADE_HERE: Final = frozenset(("command_id", "sent", "attempt", "replay_of", "key"))
"""Fields order_api gives, not the client."""


def difference(first: AnyCommand, second: AnyCommand) -> str:
    """The first field, as the client names it, in which they differ; empty when they do not."""
    if type(first) is not type(second):
        return "op"
    made_here = _MADE_HERE | {"order_id"} if isinstance(first, PlaceOrder) else _MADE_HERE
    for field in msgspec.structs.fields(first):
        if field.name not in made_here and getattr(first, field.name) != getattr(second, field.name):
            return "product_id" if field.name == "number" else field.name
    return ""
