"""Dead letters, deeds and what stands around them as JSON objects."""

import base64
from collections.abc import Sequence

from libs.access.audit import Audited
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.events.tail import describe
from libs.events.values import ClosedReason, DeadLetterName, FailureCause
from libs.kafka.ports import Record
from libs.read_model.dead_letters import DeadLetterRow
from libs.replays.letters import DeadLetter
from libs.replays.resending import name_text
from libs.replays.views import Products, command_view
from services.query_api.texts import iso, word

Json = dict[str, object]
_KINDS = {kind.__struct_config__.tag: kind.__name__ for kind in AnyCommand.__args__}  # a union's members
_NS_A_MS = 1_000_000


def letter(row: DeadLetterRow) -> Json:
    """What does not apply is left out."""
    closed = None if row.closed is None else ClosedReason(row.closed)
    view: Json = {
        "id": name_text(row.name),
        "state": "open" if closed is None else "closed",
        "reason": word(FailureCause(row.cause)),
        "command": _KINDS.get(row.kind),
        "product_id": row.product_id,
        "account": row.account or None,
        "order_id": str(row.order_id) if row.order_id else None,
        "client_oid": row.client_oid or None,
        "command_id": str(row.command_id) if row.command_id else None,
        "failures": row.failures,
        "first_failed_at": iso(row.first_failed_at),
        "died_at": iso(row.died_at),
        "replays": row.replays,
        "replay_of": _name(row.replay_partition, row.replay_offset),
        "closed": None if closed is None else word(closed),
        "closed_at": None if row.closed_at is None else iso(row.closed_at),
        "closed_by": str(row.closed_by) if row.closed_by else None,
        "note": row.note or None,
    }
    return {name: value for name, value in view.items() if value is not None}


def _name(partition: int | None, offset: int | None) -> str | None:
    return None if partition is None or offset is None else name_text(DeadLetterName(partition, offset))


def record(found: DeadLetter, products: Products) -> Json:
    """The command as it stands in the log, raw and, where it can be read, decoded."""
    return {
        "key": (found.key or b"").decode("utf-8", "replace"),
        "raw": base64.b64encode(found.value).decode(),
        "decoded": command_view(found.value, products),
        "headers": dict(found.headers),
        "error": found.headers.get("outcry.exception") or found.headers.get("__dlq.errors.message"),
    }


def commands(records: Sequence[Record], products: Products) -> list[Json]:
    return [
        {
            "id": name_text(DeadLetterName(each.partition, each.offset)),
            "time": iso(each.timestamp * _NS_A_MS),
            "command": command_view(each.value or b"", products),
        }
        for each in records
    ]


def events(found: Sequence[AnyEvent], products: Products) -> list[Json]:
    return [{"event": type(event).__name__, **describe(event, products(event.number))} for event in found]


def deed(found: Audited) -> Json:
    return {
        "id": found.offset,
        "at": iso(found.deed.at),
        "actor": found.deed.actor,
        "action": found.deed.action,
        "subject": found.deed.subject,
        "details": found.deed.details,
    }
