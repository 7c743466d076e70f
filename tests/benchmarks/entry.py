"""Order entry for the benchmarks: numbers and stamps commands as order_api does, a fixed time apart.

Every command of a stream comes from one of these, however many products it has: what was sent later has a later time.
"""

from typing import Final

from libs.events.commands import AmendOrder, CancelOrder, ListProduct, PlaceOrder
from libs.events.ids import key_digest, mint
from libs.events.values import NO_ID, OrderType, SelfTradePrevention, Side, TimeInForce

ACCOUNTS: Final = tuple(f"account-{number:03}" for number in range(200))
_MILLISECOND: Final = 1_000_000


class OrderEntry:
    """`start` and `step` are order_api's times in ns: of the first command, and between two."""

    def __init__(self, start: int, step: int) -> None:
        self._time = start
        self._step = step
        self._index = 0

    def now(self, time: int) -> None:
        """Go on at this time, ns."""
        self._time = time

    def place(
        self,
        number: int,
        account: str,
        side: Side,
        price: int,
        size: int,
        force: TimeInForce = TimeInForce.GTC,
        stop_price: int = 0,
        max_floor: int = 0,
    ) -> PlaceOrder:
        """Under a client_oid and its key. A market order where the price is 0."""
        order_id = self._mint(number)
        client_oid = f"c{self._index}"
        return PlaceOrder(
            order_id,
            account,
            number,
            order_id,
            client_oid,
            key_digest(account, number, client_oid),
            self._time,
            0,
            None,
            side,
            OrderType.LIMIT if price else OrderType.MARKET,
            price,
            size,
            0,
            force,
            False,
            SelfTradePrevention.DC,
            stop_price,
            max_floor,
        )

    def cancel(self, number: int, account: str, order_id: bytes) -> CancelOrder:
        return CancelOrder(self._mint(number), account, number, order_id, "", 0, self._time, 0, None)

    def amend(self, number: int, account: str, order_id: bytes, price: int | None, size: int | None) -> AmendOrder:
        return AmendOrder(self._mint(number), account, number, order_id, "", 0, self._time, 0, None, price, size)

    def _mint(self, number: int) -> bytes:
        self._index += 1
        self._time += self._step
        return mint(self._time // _MILLISECOND, self._index, number)


def listed(number: int, product_id: str, time_: int) -> ListProduct:
    """A product whose tick and lot are one unit."""
    command_id = number.to_bytes(16, "big")
    return ListProduct(command_id, "bench", 0, NO_ID, "", 0, time_, 0, None, product_id, "BTC", "USD", 2, 8, 1, 1)
