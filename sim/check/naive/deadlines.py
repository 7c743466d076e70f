"""What falls due in one product: orders good till a date, and the switches of accounts."""

from heapq import heappop, heappush
from typing import Final

from sim.check.naive.order import ACTIVE, OPEN, NaiveOrder

_SWITCH: Final = 0
_ORDER: Final = 1

Due = tuple[int, int, str | bytes]
"""Engine time in ns; switches before orders; the account, or the order id: in the order in which they happen."""


class Deadlines:
    """Something called off stays in the heap, and is passed over when it comes up."""

    def __init__(self) -> None:
        self.switches: dict[str, int] = {}
        """Deadlines by account."""
        self._orders: dict[bytes, NaiveOrder] = {}
        self._heap: list[Due] = []

    def watch(self, order: NaiveOrder) -> None:
        if order.expire_time:
            self._orders[order.order_id] = order
            heappush(self._heap, (order.expire_time, _ORDER, order.order_id))

    def switch(self, account: str, deadline: int) -> None:
        self.switches[account] = deadline
        heappush(self._heap, (deadline, _SWITCH, account))

    def first(self) -> Due | None:
        """What happens next."""
        while self._heap and not self._stands(self._heap[0]):
            heappop(self._heap)
        return self._heap[0] if self._heap else None

    def _stands(self, due: Due) -> bool:
        time, _, name = due
        if isinstance(name, str):
            return self.switches.get(name) == time
        order = self._orders[name]
        return order.status in {OPEN, ACTIVE} and order.expire_time == time
