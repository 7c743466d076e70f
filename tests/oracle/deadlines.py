"""What is due at a time, one deadline after the other."""

from dataclasses import dataclass

from libs.events.events import CancelAllAfterFired
from libs.events.values import DoneReason, TimeInForce
from tests.oracle.accounts import end_all
from tests.oracle.journal import Journal
from tests.oracle.market import Market, Order
from tests.oracle.orders import end
from tests.oracle.parking import Lot

SWITCH, ORDER = 0, 1


@dataclass(frozen=True)
class Deadline:
    time: int
    what: Order | str
    """An order, or the account of a switch."""
    market: Market

    @property
    def rank(self) -> tuple[int, int, bytes, int]:
        """Which comes first."""
        if isinstance(self.what, str):
            return self.time, SWITCH, self.what.encode("utf-8", "surrogatepass"), self.market.number
        return self.time, ORDER, self.what.order_id, self.market.number


def run_deadlines(markets: list[Market], now: int, lot: Lot, journal: Journal) -> None:
    while due := [deadline for market in markets for deadline in deadlines_of(market) if deadline.time <= now]:
        first = min(due, key=lambda deadline: deadline.rank)
        if isinstance(first.what, Order):
            end(first.market, first.what, DoneReason.EXPIRED, journal)
            continue
        del first.market.switches[first.what]
        count = end_all(first.market, first.what, None, lot, journal)
        journal.private(first.market, CancelAllAfterFired, first.what, first.time, count)


def deadlines_of(market: Market) -> list[Deadline]:
    switches = [Deadline(time, account, market) for account, time in market.switches.items()]
    dated = [order for order in market.open_orders() if order.time_in_force is TimeInForce.GTD]
    return [*switches, *(Deadline(order.expire_time, order, market) for order in dated)]
