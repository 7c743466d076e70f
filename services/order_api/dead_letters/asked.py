"""JSON bodies of the operators' requests."""

from typing import Annotated, Final

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=128)]
Reason = Annotated[str, msgspec.Meta(max_length=1024)]


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open dead letters that fit all that is given. Times are RFC 3339."""

    product_id: Text = ""
    account: Text = ""
    reason: Text = ""
    since: Text = ""
    until: Text = ""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields of one dead letter's command, with their new values; decimals are strings."""

    id: Text
    changes: dict[Text, str | int | bool | None]


class PlanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /operator/replays`: by `ids` or by `filter`. With `edits`, the role is editor and `reason` says why."""

    ids: tuple[Text, ...] = ()
    filter: Filter | None = None
    edits: tuple[Edit, ...] = ()
    reason: Reason = ""
    rate: int | None = None
    """Letters a second; 10 unless given."""


class ConfirmRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hash of the plan that was seen."""

    hash: Text


class DiscardRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is closed without a replay."""

    reason: Reason


plan_request: Final = msgspec.json.Decoder(PlanRequest)
confirm_request: Final = msgspec.json.Decoder(ConfirmRequest)
discard_request: Final = msgspec.json.Decoder(DiscardRequest)
