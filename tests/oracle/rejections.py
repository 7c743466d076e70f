"""How a rejection is told: it changes nothing, and says back what was asked."""

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.events import AmendRejected, CancelRejected, CommandRejected, OrderRejected
from libs.events.values import NO_ID, RejectReason
from tests.oracle.journal import Journal, Kind
from tests.oracle.market import Market


def reject(
    command: AnyCommand, reason: RejectReason, market: Market | None, journal: Journal, first: bytes = NO_ID
) -> None:
    kind, fields = _words(command, reason, first)
    if market is None:
        journal.unlisted(command.number, kind, *fields)
    else:
        journal.private(market, kind, *fields)


def _words(command: AnyCommand, reason: RejectReason, first: bytes) -> tuple[Kind, tuple[object, ...]]:
    named = (command.order_id, command.client_oid, reason, first)
    if reason is RejectReason.STALE:
        return CommandRejected, named
    match command:
        case AmendOrder():
            return AmendRejected, named
        case CancelOrder():
            return CancelRejected, named
        case PlaceOrder():
            return OrderRejected, _asked(command, reason, first)
    return CommandRejected, named


def _asked(command: PlaceOrder, reason: RejectReason, first: bytes) -> tuple[object, ...]:
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
