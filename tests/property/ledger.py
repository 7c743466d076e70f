"""Invariants over a history, from its events alone: no number is left out, trades lose nothing and pass no better price."""

from dataclasses import dataclass, field

from libs.events.events import (
    AnyEvent,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderReplenished,
    OrderRested,
    ProductDelisted,
    ProductListed,
    SelfTradePrevented,
    TradeExecuted,
)
from libs.events.values import SelfTradePrevention, Side
from tests.property.displayed import Displayed


@dataclass
class Account:
    """Of one order: size = filled + remaining + what was taken off."""

    side: Side
    size: int
    funds: int
    price: int
    filled: int = 0
    taken_off: int = 0

    @property
    def remaining(self) -> int:
        return 0 if self.funds else self.size - self.filled - self.taken_off


@dataclass
class Counters:
    sequence: int = 0
    trade_id: int = 0


@dataclass
class Ledger:
    seq: int = 0
    names: dict[int, str] = field(default_factory=dict)
    counters: dict[str, Counters] = field(default_factory=dict)
    """By product id: they go on when a product is listed anew."""
    open: dict[bytes, Account] = field(default_factory=dict)
    displayed: Displayed = field(default_factory=Displayed)

    def take(self, event: AnyEvent) -> None:
        assert event.seq == self.seq + 1, f"seq {event.seq} after {self.seq}"
        self.seq = event.seq
        self._count(event)
        self.displayed.take(event)
        match event:
            case OrderAccepted():
                assert event.order_id not in self.open
                self.open[event.order_id] = Account(event.side, event.size, event.funds, event.price)
            case TradeExecuted():
                self._trade(event)
            case SelfTradePrevented():
                self._prevent(event)
            case OrderRested() | OrderReplenished():
                assert event.remaining == self.open[event.order_id].remaining
                assert 0 < event.displayed <= event.remaining
            case OrderAmended():
                order = self.open[event.order_id]
                order.size, order.price = event.size, event.price
                assert event.remaining == order.remaining >= event.displayed >= 0
            case OrderDone():
                assert event.remaining == self.open.pop(event.order_id).remaining

    def _count(self, event: AnyEvent) -> None:
        if isinstance(event, ProductListed):
            assert event.number not in self.names
            self.names[event.number] = event.product.product_id
        name = self.names.get(event.number)
        if name is None:
            assert event.sequence == 0
            return
        counters = self.counters.setdefault(name, Counters())
        assert event.sequence - counters.sequence in {0, 1}, f"sequence {event.sequence} after {counters.sequence}"
        counters.sequence = event.sequence
        if isinstance(event, ProductDelisted):
            del self.names[event.number]

    def _trade(self, event: TradeExecuted) -> None:
        counters = self.counters[self.names[event.number]]
        assert event.trade_id == counters.trade_id + 1
        counters.trade_id = event.trade_id
        maker, taker = self.open[event.maker_order_id], self.open[event.taker_order_id]
        assert taker.side is event.taker_side is not maker.side
        assert event.price == maker.price
        assert event.size > 0
        assert event.maker_account != event.taker_account
        maker.filled += event.size
        taker.filled += event.size
        self._agree(event, maker, taker)

    def _prevent(self, event: SelfTradePrevented) -> None:
        maker, taker = self.open[event.maker_order_id], self.open[event.taker_order_id]
        assert (event.size > 0) == (event.mode is SelfTradePrevention.DC)
        maker.taken_off += event.size
        taker.taken_off += event.size
        self._agree(event, maker, taker)

    def _agree(self, event: TradeExecuted | SelfTradePrevented, maker: Account, taker: Account) -> None:
        if taker.funds:
            taker.funds -= event.size * event.price
            assert event.taker_funds == taker.funds >= 0
            if not taker.funds:
                taker.size = taker.filled + taker.taken_off
        assert event.maker_remaining == maker.remaining >= event.maker_displayed >= 0
        assert event.taker_remaining == taker.remaining >= 0
