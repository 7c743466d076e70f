"""A taker meets the book: price, then time, at the maker's price.

The taker's price is 0 for a market order, which takes any price.
"""

from __future__ import annotations

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.events import AnyEvent, OrderDone, TradeExecuted
from libs.events.values import DoneReason

_FILLED = DoneReason.FILLED


def match(state: PartitionState, command_id: bytes, book: ProductBook, taker: Order, events: list[AnyEvent]) -> None:
    """Trade until the taker is filled, its limit is reached, or the book ends."""
    opposite = book.opposite(taker.side)
    sign, limit = opposite.sign, taker.price
    remaining = taker.remaining
    while remaining:
        level = opposite.best
        if level is None or (limit and sign * level.price < sign * limit):
            break
        maker = level.head
        assert maker is not None, "a level without orders is no level"
        size = maker.displayed if maker.displayed < remaining else remaining
        remaining -= size
        _trade(state, command_id, book, maker, taker, size, remaining, 0, events)


def match_funds(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    taker: Order,
    funds: int,
    events: list[AnyEvent],
) -> bool:
    """Trade until the funds buy (or the proceeds need) no further lot, or the book ends. True for the first.

    `funds` is quote at price_scale + size_scale, so that size * price is exact. Every trade takes at least one lot
    and what it costs off the funds: it ends, and nothing is given for nothing.
    """
    opposite = book.opposite(taker.side)
    lot = book.product.base_increment
    while True:
        level = opposite.best
        if level is None:
            return False
        affordable = funds // level.price
        affordable -= affordable % lot
        if not affordable:
            return True
        maker = level.head
        assert maker is not None, "a level without orders is no level"
        size = maker.displayed if maker.displayed < affordable else affordable
        funds -= size * level.price
        _trade(state, command_id, book, maker, taker, size, 0, funds, events)


def _trade(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    maker: Order,
    taker: Order,
    size: int,
    taker_remaining: int,
    taker_funds: int,
    events: list[AnyEvent],
) -> None:
    """One trade, and the end of the maker if nothing of it is left."""
    price, number = maker.price, book.product.number
    maker.filled += size
    maker.remaining = left = maker.remaining - size
    taker.filled += size
    taker.remaining = taker.displayed = taker_remaining
    book.trade_id = trade_id = book.trade_id + 1
    book.last_price = price
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    events.append(
        TradeExecuted(
            seq,
            number,
            sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            trade_id,
            maker.order_id,
            taker.order_id,
            maker.account.name,
            taker.account.name,
            taker.side,
            price,
            size,
            left,
            left,
            taker_remaining,
            taker_funds,
        )
    )
    level = maker.level
    assert level is not None, "a maker stands in the queue"
    if left:
        level.volume -= size
        maker.displayed = left
        return
    book.close(maker)
    state.seq = seq + 1
    book.sequence = sequence + 1
    events.append(
        OrderDone(
            seq + 1,
            number,
            sequence + 1,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            maker.order_id,
            maker.side,
            price,
            0,
            _FILLED,
        )
    )
