"""A taker meets the book: price, then time, at the maker's price, and never an order of its own account."""

from collections.abc import Generator

from libs.events.events import OrderReplenished, SelfTradePrevented, TradeExecuted
from libs.events.values import DoneReason, SelfTradePrevention, Side
from sim.check.naive.book import NaiveBook, NaiveTrade
from sim.check.naive.fact import Fact
from sim.check.naive.order import NaiveOrder

Facts = Generator[Fact, None, None]


def take(book: NaiveBook, taker: NaiveOrder, limit: int) -> Generator[Fact, None, DoneReason | None]:
    """Everything that happens until the taker has nothing left, or may take nothing more; returns what ended it.

    None where the book ends, or `limit` (0 is none), and something is left.
    """
    ended_by = DoneReason.FILLED
    while taker.remaining or taker.left:
        maker = book.opposite(taker.side).first()
        if maker is None:
            return None
        size = taker.remaining or _affordable(book, taker, maker.price)
        if not size:
            return ended_by
        if limit and is_worse(maker.price, limit, taker.side):
            return None
        size = min(size, maker.displayed)
        if maker.account != taker.account:
            ended_by = DoneReason.FILLED
            yield from _trade(book, maker, taker, size)
            continue
        yield from _prevent(book, maker, taker, size)
        if taker.stp in {SelfTradePrevention.CN, SelfTradePrevention.CB}:
            return DoneReason.SELF_TRADE
        if taker.stp == SelfTradePrevention.DC:
            ended_by = DoneReason.SELF_TRADE
    return ended_by


def is_worse(price: int, limit: int, side: int) -> bool:
    """Whether a taker of this side would not have the price."""
    return price > limit if side == Side.BUY else price < limit


def unfilled(book: NaiveBook, taker: NaiveOrder) -> DoneReason | None:
    """What ends a FOK before it trades; None if the book fills the whole of it."""
    wanted = taker.remaining
    queue = book.opposite(taker.side)
    for price in queue.prices():
        if is_worse(price, taker.price, taker.side):
            break
        before = 0
        for maker in queue.levels[price].values():
            if maker.account != taker.account:
                before += maker.displayed
            elif taker.stp != SelfTradePrevention.CO:
                # Slices behind it come up only when it has been met.
                return DoneReason.SELF_TRADE if before < wanted else None
        wanted -= sum(each.remaining for each in queue.levels[price].values() if each.account != taker.account)
        if wanted <= 0:
            return None
    return DoneReason.CANCELED


def _affordable(book: NaiveBook, taker: NaiveOrder, price: int) -> int:
    """Whole lots that the funds buy."""
    size = taker.left // price
    return size - size % book.product.base_increment


def _trade(book: NaiveBook, maker: NaiveOrder, taker: NaiveOrder, size: int) -> Facts:
    price, moment = maker.price, book.moment
    for order in (maker, taker):
        order.reduce(size, price)
        order.filled += size
        order.value += size * price
    book.trade_id += 1
    book.last_price = price
    book.trades.append(
        NaiveTrade(
            book.trade_id, price, size, taker.side, maker.order_id, taker.order_id, moment.seq + 1, moment.time
        )
    )  # fmt: skip
    yield book.fact(
        TradeExecuted, True, book.trade_id, maker.order_id, taker.order_id, maker.account, taker.account, taker.side,
        price, size, maker.remaining, maker.displayed, taker.remaining, taker.left,
    )  # fmt: skip
    yield from _show_more(book, maker, DoneReason.FILLED)


def _show_more(book: NaiveBook, maker: NaiveOrder, reason: DoneReason) -> Facts:
    """What becomes of a maker whose slice is gone."""
    if maker.displayed:
        return
    if not maker.remaining:
        yield book.end(maker, reason)
        return
    book.leave(maker)
    book.stand(maker)
    yield book.fact(
        OrderReplenished, True, maker.order_id, maker.side, maker.price, maker.remaining, maker.displayed
    )  # fmt: skip


def _prevent(book: NaiveBook, maker: NaiveOrder, taker: NaiveOrder, size: int) -> Facts:
    mode, both = taker.stp, taker.stp == SelfTradePrevention.DC
    if both:
        for order in (maker, taker):
            order.reduce(size, maker.price)
            order.taken_off += size
    yield book.fact(
        SelfTradePrevented, both, maker.order_id, taker.order_id, mode, taker.side, maker.price, size if both else 0,
        maker.remaining, maker.displayed, taker.remaining, taker.left,
    )  # fmt: skip
    if both:
        yield from _show_more(book, maker, DoneReason.SELF_TRADE)
    elif mode != SelfTradePrevention.CN:
        yield book.end(maker, DoneReason.SELF_TRADE)
