"""A taker meets the book: price, then time, at the maker's price, and never an order of its own account."""

from __future__ import annotations

from libs.book.ladder import Ladder, Level
from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.events import AnyEvent, OrderDone, OrderReplenished, SelfTradePrevented, TradeExecuted
from libs.events.values import DoneReason, SelfTradePrevention

_FILLED = DoneReason.FILLED
_SELF_TRADE = DoneReason.SELF_TRADE
_DC = SelfTradePrevention.DC
_CO = SelfTradePrevention.CO
_CN = SelfTradePrevention.CN


def match(
    state: PartitionState, command_id: bytes, book: ProductBook, taker: Order, limit: int, events: list[AnyEvent]
) -> bool:
    """Trade until the taker has nothing left, `limit` is reached (0 takes any price), or the book ends.

    True if the taker ends here because of its own account's orders.
    """
    opposite = book.opposite(taker.side)
    sign, account = opposite.sign, taker.account
    while taker.remaining:
        level = opposite.best
        if level is None or (limit and sign * level.price < sign * limit):
            break
        queue = level.queue
        maker = queue[0]
        if not maker.remaining:
            queue.popleft()
            continue
        size = maker.displayed
        if size > taker.remaining:
            size = taker.remaining
        if maker.account == account:
            if _prevent(state, command_id, book, opposite, maker, taker, size, events):
                return True
            continue
        taker.remaining -= size
        _fill(state, command_id, book, opposite, level, maker, taker, size, events)
    return False


def match_funds(
    state: PartitionState, command_id: bytes, book: ProductBook, taker: Order, limit: int, events: list[AnyEvent]
) -> DoneReason | None:
    """Trade until the funds buy (or the proceeds need) no further lot; None if the limit or the end of the book comes first.

    `funds` is quote at price_scale + size_scale, so that size * price is exact. Every step takes at least one lot and
    what it costs off the funds: it ends, and nothing is given for nothing.
    """
    opposite = book.opposite(taker.side)
    sign, account, lot = opposite.sign, taker.account, book.lot
    spent = _FILLED
    while taker.funds:
        level = opposite.best
        if level is None:
            return None
        size = taker.funds // level.price
        size -= size % lot
        if not size:
            break
        if limit and sign * level.price < sign * limit:
            return None
        queue = level.queue
        maker = queue[0]
        if not maker.remaining:
            queue.popleft()
            continue
        if size > maker.displayed:
            size = maker.displayed
        if maker.account == account:
            if taker.stp is _DC:
                spent = _SELF_TRADE
            if _prevent(state, command_id, book, opposite, maker, taker, size, events):
                return _SELF_TRADE
            continue
        spent = _FILLED
        taker.funds -= size * level.price
        _fill(state, command_id, book, opposite, level, maker, taker, size, events)
    return spent


def fills(book: ProductBook, taker: Order) -> DoneReason | None:
    """None if the book can fill the whole of a limit order at its price or better, else what ends it."""
    wanted, account, skips = taker.remaining, taker.account, taker.stp is _CO
    opposite = book.opposite(taker.side)
    sign, limit = opposite.sign, taker.price
    for level in opposite:
        if sign * level.price < sign * limit:
            break
        shown = 0
        for maker in level:
            if maker.account != account:
                shown += maker.displayed
            elif not skips and shown < wanted:
                return _SELF_TRADE
            elif not skips:
                return None
        wanted -= sum(maker.remaining for maker in level if maker.account != account)
        if wanted <= 0:
            return None
    return DoneReason.CANCELED


def _fill(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    ladder: Ladder,
    level: Level,
    maker: Order,
    taker: Order,
    size: int,
    events: list[AnyEvent],
) -> None:
    """One trade with the first order of a level. The taker is reduced already, the maker is reduced here."""
    book.trade_id = trade_id = book.trade_id + 1
    book.last_price = price = maker.price
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    maker.remaining = left = maker.remaining - size
    maker.displayed = shown = maker.displayed - size
    level.volume -= size
    # fmt: off
    events.append(
        TradeExecuted(
            seq, book.number, sequence, state.time, state.command_offset, command_id, False, "", 0, 0, trade_id,
            maker.order_id, taker.order_id, maker.account, taker.account, taker.side, price, size, left, shown,
            taker.remaining, taker.funds,
        )
    )
    # fmt: on
    if not shown:
        _slice_gone(state, command_id, book, ladder, level, maker, _FILLED, events)


def _slice_gone(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    ladder: Ladder,
    level: Level,
    maker: Order,
    reason: DoneReason,
    events: list[AnyEvent],
) -> None:
    """The first order of a level shows nothing any more: its next slice goes to the back of the level, or it is done."""
    level.queue.popleft()
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    order_id, left = maker.order_id, maker.remaining
    time, offset = state.time, state.command_offset
    # fmt: off
    if left:
        maker.displayed = shown = maker.max_floor if maker.max_floor < left else left
        maker.priority = seq
        level.volume += shown
        level.queue.append(maker)
        events.append(
            OrderReplenished(
                seq, book.number, sequence, time, offset, command_id, False, "", 0, 0, order_id, maker.side,
                maker.price, left, shown,
            )
        )
        return
    del book.orders[order_id]
    owner = book.accounts[maker.account]
    del owner[maker.label or order_id]
    if not owner:
        del book.accounts[maker.account]
    events.append(
        OrderDone(
            seq, book.number, sequence, time, offset, command_id, False, "", 0, 0, order_id, maker.side, maker.price, 0,
            reason,
        )
    )
    # fmt: on
    level.count -= 1
    if not level.count:
        ladder.vacate(level)


def _prevent(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    opposite: Ladder,
    maker: Order,
    taker: Order,
    size: int,
    events: list[AnyEvent],
) -> bool:
    """A taker meets its own account's order, of which it could take `size`. True if the taker ends by it."""
    mode = taker.stp
    level = opposite.levels[maker.price]
    if mode is _DC:
        maker.taken_off += size
        if taker.size:
            taker.taken_off += size
            taker.remaining -= size
        else:
            taker.funds -= size * maker.price
        maker.remaining -= size
        maker.displayed -= size
        level.volume -= size
        _prevented(state, command_id, book, maker, taker, size, events)
        if not maker.displayed:
            _slice_gone(state, command_id, book, opposite, level, maker, _SELF_TRADE, events)
        return taker.size != 0 and not taker.remaining
    _prevented(state, command_id, book, maker, taker, 0, events)
    if mode is not _CN:
        finish(state, command_id, book, maker, _SELF_TRADE, events)
    return mode is not _CO


def _prevented(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    maker: Order,
    taker: Order,
    size: int,
    events: list[AnyEvent],
) -> None:
    """The fact that two orders of one account met, with what they are now. Public if both shrank."""
    state.seq += 1
    if size:
        book.sequence += 1
    events.append(
        SelfTradePrevented(
            state.seq,
            book.number,
            book.sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            maker.order_id,
            taker.order_id,
            taker.stp,
            taker.side,
            maker.price,
            size,
            maker.remaining,
            maker.displayed,
            taker.remaining,
            taker.funds,
        )
    )


def finish(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    order: Order,
    reason: DoneReason,
    events: list[AnyEvent],
    account: str = "",
    key: int = 0,
    sent: int = 0,
) -> None:
    """An open order ends; of an armed stop nobody else hears. The last three are for a command's first event."""
    remaining = order.remaining
    state.seq = seq = state.seq + 1
    if not order.armed:
        book.sequence += 1
    if order.order_id in book.orders:
        book.close(order)
    events.append(
        OrderDone(
            seq,
            book.number,
            book.sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            account,
            key,
            sent,
            order.order_id,
            order.side,
            order.price,
            remaining,
            reason,
        )
    )
