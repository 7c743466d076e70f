"""What concerns all orders of an account in a product: cancel all, and the switch that does it after a time."""

from libs.events.commands import ArmCancelAllAfter, CancelAllOrders
from libs.events.events import CancelAllAfterArmed, CancelAllAfterDisarmed, CancelAllDone
from libs.events.values import DoneReason, RejectReason, Side
from tests.oracle.journal import Journal
from tests.oracle.market import Market
from tests.oracle.orders import end
from tests.oracle.parking import Lot
from tests.oracle.rejections import reject

LONGEST_TIMEOUT = 24 * 60 * 60 * 1_000_000_000


def cancel_all(command: CancelAllOrders, market: Market, lot: Lot, journal: Journal) -> None:
    journal.private(market, CancelAllDone, end_all(market, command.account, command.side, lot, journal))


def end_all(market: Market, account: str, side: Side | None, lot: Lot, journal: Journal) -> int:
    """How many orders were ended, parked ones included."""
    mine = [order for order in market.in_cancel_order() if order.account == account and side in {None, order.side}]
    for order in mine:
        end(market, order, DoneReason.CANCELED, journal)
    lines = lot.lines_of(market, account, side) | {order.order_id for order in mine}
    return len(mine) + lot.end_lines(lines, journal)


def arm(command: ArmCancelAllAfter, market: Market, now: int, journal: Journal) -> None:
    if not 0 <= command.timeout <= LONGEST_TIMEOUT:
        reject(command, RejectReason.INVALID_TIMEOUT, market, journal)
    elif command.timeout == 0:
        market.switches.pop(command.account, None)
        journal.private(market, CancelAllAfterDisarmed)
    else:
        market.switches[command.account] = now + command.timeout
        journal.private(market, CancelAllAfterArmed, now + command.timeout)
