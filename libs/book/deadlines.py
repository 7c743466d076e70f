"""What ends by engine time in one product: GTD orders, and the switches of accounts that cancel all they have."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from libs.book.orders import Order

NEVER: Final = 2**63
_SLACK: Final = 64
_SWITCH, _ORDER = 0, 1

Deadline = tuple[int, int, str | bytes]
"""Engine time in ns; 0 of a switch, 1 of an order; its account or order_id. In the order in which they happen."""


class Deadlines:
    """A heap in which what was called off stays until it comes up, or a sweep takes it."""

    __slots__ = ("_heap", "_orders", "next", "switches")

    def __init__(self, orders: dict[bytes, Order]) -> None:
        self._orders = orders
        self._heap: list[Deadline] = []
        self.switches: dict[str, int] = {}
        """Deadlines by account."""
        self.next = NEVER
        """Nothing is due before."""

    def watch(self, order: Order) -> None:
        self._push((order.expire_time, _ORDER, order.order_id))

    def switch(self, account: str, deadline: int) -> None:
        """Set an account's switch, in place of the one it had."""
        self.switches[account] = deadline
        self._push((deadline, _SWITCH, account))

    def earliest(self) -> Deadline | None:
        """What happens next, without what was called off."""
        heap = self._heap
        while heap and not self._stands(heap[0]):
            heappop(heap)
        self.next = heap[0][0] if heap else NEVER
        return heap[0] if heap else None

    def _stands(self, deadline: Deadline) -> bool:
        time, _, name = deadline
        if isinstance(name, str):
            return self.switches.get(name) == time
        order = self._orders.get(name)
        return order is not None and order.expire_time == time

    def _push(self, deadline: Deadline) -> None:
        heap = self._heap
        heappush(heap, deadline)
        if len(heap) > 2 * (len(self._orders) + len(self.switches)) + _SLACK:
            heap[:] = set(filter(self._stands, heap))
            heapify(heap)
        self.next = heap[0][0]
