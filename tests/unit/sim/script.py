"""Commands to the real engine in one partition, what it said, and the check over both."""

from collections.abc import Sequence
from itertools import count
from typing import Final

from libs.book.fold import fold
from libs.book.partition import PartitionState
from libs.events.codec import encode
from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetClusterSize,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import AnyEvent
from libs.events.ids import key_digest, mint
from libs.events.values import NO_ID, OrderType, SelfTradePrevention, Side, TimeInForce, TradingStatus
from libs.matching.engine import Engine
from sim.check.books import compare_folded
from sim.check.commands import Commands
from sim.check.outcomes import Outcomes
from tests.unit.sim.venue import START, STEP, Stored

NUMBER: Final = 256
BUY, SELL = Side
DC = SelfTradePrevention.DC
_MILLISECOND: Final = 1_000_000

Head = tuple[bytes, str, int, bytes, str, int, int, int, None]


class Script:
    def __init__(self) -> None:
        self.engine = Engine(0)
        self.commands: list[AnyCommand] = []
        self.times: list[int] = []
        self.events: list[AnyEvent] = self.engine.adopt_rules()
        self.now = START
        self.number = NUMBER
        """The product that commands are for."""
        self._count = count(1)

    def list_product(self, name: str = "BTC-USD", collar: int = 0, most: int = 0) -> None:
        rules = (1, 1, 0, 0, 0, collar, 0, most)
        self.do(ListProduct(*self._head("op", 0), name, name[:3], "USD", 2, 8, *rules))

    def limit(
        self, oid: str, owner: str, side: Side, size: int, price: int, *, force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False, stp: SelfTradePrevention = DC, stop: int = 0, floor: int = 0, expires: int = 0,
        number: int | None = None,
    ) -> None:  # fmt: skip
        """`expires` is in steps from now on, and makes it GTD."""
        force = TimeInForce.GTD if expires else force
        expire_time = self.now + expires * STEP if expires else 0
        terms = (price, size, 0, force, post_only, stp, stop, floor, expire_time)
        self.do(PlaceOrder(*self._place(owner, oid, number or self.number), side, OrderType.LIMIT, *terms))

    def market(
        self, oid: str, owner: str, side: Side, size: int = 0, *, funds: int = 0, stp: SelfTradePrevention = DC,
        stop: int = 0,
    ) -> None:  # fmt: skip
        terms = (0, size, funds, TimeInForce.GTC, False, stp, stop)
        self.do(PlaceOrder(*self._place(owner, oid, self.number), side, OrderType.MARKET, *terms))

    def amend(self, oid: str, owner: str, **changes: int) -> None:
        names = ("price", "size", "stop_price", "max_floor", "expire_time")
        self.do(AmendOrder(*self._head(owner, self.number, oid), *(changes.get(name) for name in names)))

    def cancel(self, oid: str, owner: str) -> None:
        self.do(CancelOrder(*self._head(owner, self.number, oid)))

    def cancel_all(self, owner: str, side: Side | None = None) -> None:
        self.do(CancelAllOrders(*self._head(owner, self.number), side))

    def switch(self, owner: str, steps: int) -> None:
        self.do(ArmCancelAllAfter(*self._head(owner, self.number), steps * STEP))

    def tick(self) -> None:
        self.do(AdvanceTime(*self._head("system", 0)))

    def status(self, status: TradingStatus) -> None:
        self.do(SetTradingStatus(*self._head("op", self.number), status))

    def update(self, **changes: int) -> None:
        names = (*UpdateProduct.__struct_fields__[9:],)
        self.do(UpdateProduct(*self._head("op", self.number), *(changes.get(name) for name in names)))

    def delist(self) -> None:
        self.do(DelistProduct(*self._head("op", self.number)))

    def grow(self, partitions: int) -> None:
        self.do(SetClusterSize(*self._head("op", 0), partitions))

    def wait(self, steps: int) -> None:
        self.now += steps * STEP

    def do(self, command: AnyCommand) -> Sequence[AnyEvent]:
        offset = len(self.commands)
        self.commands.append(command)
        self.times.append(self.now)
        found = self.engine.handle(command, offset, self.now)
        self.events += found
        self.now += STEP
        return found

    def check(self, events: Sequence[AnyEvent]) -> Outcomes:
        """Through the check, record by record. Raises Difference."""
        asked = Commands(0)
        asked.add(
            [
                Stored(offset, encode(command), timestamp=time // _MILLISECOND)
                for offset, (command, time) in enumerate(zip(self.commands, self.times, strict=True))
            ]
        )
        outcomes = Outcomes(asked, 0)
        for event in events:
            outcomes.read(Stored(event.seq, encode(event)))
        return outcomes

    def check_folded(self, outcomes: Outcomes) -> None:
        """What a worker would recover from the same events is what the check has worked out."""
        state = PartitionState(0)
        for event in self.events:
            fold(state, event)
        for number, product in outcomes.products.items():
            compare_folded(state, number, product, outcomes.books[number])

    def _head(self, owner: str, number: int, oid: str = "") -> Head:
        return mint(START // _MILLISECOND, next(self._count), number), owner, number, NO_ID, oid, 0, self.now, 0, None

    def _place(self, owner: str, oid: str, number: int) -> Head:
        order, *_ = self._head(owner, number)
        return order, owner, number, order, oid, key_digest(owner, number, oid), self.now, 0, None
