"""Who waits for something to happen to an order: woken by the live book as it folds a command that touches it."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from libs.events.events import AnyEvent, SelfTradePrevented, TradeExecuted
from libs.service.problems import OVERLOADED, Problem


class Watch:
    """Of one order, from the moment it is begun."""

    def __init__(self) -> None:
        self.touched: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.watching = 0

    async def change(self, limit_s: float) -> int | None:
        """The offset of the first command that touched the order; None when none did in time."""
        try:
            async with asyncio.timeout(limit_s):
                return await asyncio.shield(self.touched)
        except TimeoutError:
            return None


class Watches:
    """Where nobody watches, this costs the live book one look a command."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._watching = 0
        self._orders: dict[bytes, Watch] = {}

    def __bool__(self) -> bool:
        return bool(self._orders)

    @contextmanager
    def watch(self, order_id: bytes) -> Iterator[Watch]:
        """Raises Problem when too many are watched already."""
        if self._watching >= self._most:
            raise Problem(OVERLOADED, f"{self._watching} requests wait for an order already")
        found = self._orders.get(order_id)
        if found is None:
            found = self._orders[order_id] = Watch()
        found.watching += 1
        self._watching += 1
        try:
            yield found
        finally:
            found.watching -= 1
            self._watching -= 1
            if not found.watching and self._orders.get(order_id) is found:
                del self._orders[order_id]

    def notice(self, events: Iterable[AnyEvent]) -> None:
        """Events of one command."""
        for event in events:
            if isinstance(event, TradeExecuted | SelfTradePrevented):
                self._wake(event.maker_order_id, event.command_offset)
                self._wake(event.taker_order_id, event.command_offset)
            else:
                self._wake(getattr(event, "order_id", b""), event.command_offset)

    def _wake(self, order_id: bytes, offset: int) -> None:
        found = self._orders.pop(order_id, None)
        if found is not None:
            found.touched.set_result(offset)
