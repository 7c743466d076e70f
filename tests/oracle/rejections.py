"""How a rejection is told: it changes nothing, and says back what was asked."""

from libs.events.commands import AnyCommand, Envelope, PlaceOrder, tag_of
from libs.events.events import AmendRejected, CancelRejected, CommandRejected, OrderRejected
from libs.events.values import NO_ID, RejectReason
from tests.oracle.journal import Journal, Kind
from tests.oracle.market import Market

KINDS: dict[int, Kind] = {2: AmendRejected, 3: CancelRejected}
"""By the tag of the command, of any version."""


def kind_of(command: AnyCommand | Envelope) -> int:
    return command.kind if isinstance(command, Envelope) else tag_of(type(command))


def reject(
    command: AnyCommand | Envelope, reason: RejectReason, market: Market | None, journal: Journal, first: bytes = NO_ID
) -> None:
    kind, fields = _words(command, reason, first)
    journal.fact(market, command.number, kind, *fields)


def _words(command: AnyCommand | Envelope, reason: RejectReason, first: bytes) -> tuple[Kind, tuple[object, ...]]:
    named = (command.order_id, command.client_oid, reason, first)
    if reason is RejectReason.STALE:
        return CommandRejected, named
    if isinstance(command, PlaceOrder):
        return OrderRejected, asked(command, reason, first)
    return KINDS.get(kind_of(command), CommandRejected), named


def asked(command: PlaceOrder, reason: RejectReason, first: bytes) -> tuple[object, ...]:
    return (
        command.order_id,
        command.client_oid,
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        reason,
        first,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
    )
