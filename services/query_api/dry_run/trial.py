"""What a dry run is asked: a dead letter, and perhaps changes of it."""

from typing import Final

import msgspec

from libs.service.refusals import REFUSALS, refusal

Changes = dict[str, str | int | bool | None]


class Trial(msgspec.Struct, frozen=True):
    """`value` is the command's record as it lies in `orders.dlq`."""

    partition: int
    offset: int
    value: bytes
    changes: Changes = {}


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    changes: Changes = {}


_body: Final = msgspec.json.Decoder(_Body)


def changes_in(body: bytes) -> Changes:
    """Of a request; none in an empty one. Raises Problem."""
    if not body:
        return {}
    try:
        return _body.decode(body).changes
    except REFUSALS as error:
        raise refusal(error) from None
