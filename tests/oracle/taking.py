"""What a taker does to the orders it meets, one after the other, and what becomes of it."""

from dataclasses import replace

from libs.events.events import (
    OrderDone,
    OrderReplenished,
    OrderRested,
    SelfTradePrevented,
    StopTriggered,
    TradeExecuted,
)
from libs.events.values import DoneReason, SelfTradePrevention, TimeInForce
from tests.oracle.journal import Journal
from tests.oracle.market import Market, Order, is_outside

DC, CO, CN, CB = SelfTradePrevention


def execute(market: Market, taker: Order, journal: Journal) -> None:
    """An order enters: it trades, then rests or is done."""
    if taker.time_in_force is TimeInForce.FOK and (reason := unfillable(market, taker)):
        finish(market, taker, reason, journal)
        return
    reason = take(market, taker, journal)
    if reason is None and taker.may_rest:
        taker.displayed = taker.slice
        market.resting.append(taker)
        rest = (taker.order_id, taker.side, taker.price, taker.remaining, taker.displayed)
        journal.public(market, OrderRested, *rest)
    else:
        finish(market, taker, reason or DoneReason.CANCELED, journal)


def take(market: Market, taker: Order, journal: Journal) -> DoneReason | None:
    """Why the taker is done; None if something is left that its limit keeps from trading."""
    took_the_last = DoneReason.FILLED
    collar = None if taker.is_limit else market.collar()
    while True:
        if not (taker.funds if taker.by_funds else taker.remaining):
            return took_the_last
        maker = market.best(taker.opposite)
        if maker is None:
            return None if taker.is_limit else DoneReason.NO_LIQUIDITY
        if taker.is_limit and not taker.crosses(maker.price):
            return None
        if not affordable(market, taker, maker.price):
            return took_the_last
        if is_outside(collar, taker.side, maker.price):
            return DoneReason.PRICE_COLLAR
        if maker.account != taker.account:
            trade(market, maker, taker, journal)
            took_the_last = DoneReason.FILLED
        elif taker.stp is DC:
            reduce_both(market, maker, taker, journal)
            took_the_last = DoneReason.SELF_TRADE
        else:
            tell_prevented(market, maker, taker, 0, journal)
            if taker.stp in {CO, CB}:
                market.remove(maker)
                finish(market, maker, DoneReason.SELF_TRADE, journal)
            if taker.stp in {CN, CB}:
                return DoneReason.SELF_TRADE


def affordable(market: Market, taker: Order, price: int) -> int:
    """The most the taker can take at a price."""
    if not taker.by_funds:
        return taker.remaining
    lot = market.product.base_increment
    return taker.funds // price // lot * lot


def trade(market: Market, maker: Order, taker: Order, journal: Journal) -> None:
    size = min(affordable(market, taker, maker.price), maker.displayed)
    maker.filled += size
    maker.displayed -= size
    taker.filled += size
    if taker.by_funds:
        taker.funds -= size * maker.price
    market.trade_id += 1
    market.last_price = maker.price
    journal.public(
        market,
        TradeExecuted,
        market.trade_id,
        maker.order_id,
        taker.order_id,
        maker.account,
        taker.account,
        taker.side,
        maker.price,
        size,
        maker.remaining,
        maker.displayed,
        taker.remaining,
        taker.funds,
    )
    next_slice(market, maker, DoneReason.FILLED, journal)


def reduce_both(market: Market, maker: Order, taker: Order, journal: Journal) -> None:
    size = min(affordable(market, taker, maker.price), maker.displayed)
    maker.taken_off += size
    maker.displayed -= size
    taker.taken_off += size
    if taker.by_funds:
        taker.funds -= size * maker.price
    tell_prevented(market, maker, taker, size, journal)
    next_slice(market, maker, DoneReason.SELF_TRADE, journal)


def tell_prevented(market: Market, maker: Order, taker: Order, size: int, journal: Journal) -> None:
    write = journal.public if taker.stp is DC else journal.private
    write(
        market,
        SelfTradePrevented,
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


def next_slice(market: Market, maker: Order, reason: DoneReason, journal: Journal) -> None:
    """When a slice is gone, the next goes to the back; when all is gone, the maker is done."""
    if maker.displayed:
        return
    market.remove(maker)
    if not maker.remaining:
        finish(market, maker, reason, journal)
        return
    maker.displayed = maker.slice
    market.resting.append(maker)
    shown = (maker.order_id, maker.side, maker.price, maker.remaining, maker.displayed)
    journal.public(market, OrderReplenished, *shown)


def finish(market: Market, order: Order, reason: DoneReason, journal: Journal) -> None:
    """The end of an order that is no armed stop."""
    journal.public(market, OrderDone, order.order_id, order.side, order.price, order.remaining, reason)


def unfillable(market: Market, taker: Order) -> DoneReason | None:
    """Why a FOK does not trade: it takes from a copy of the book, in the order in which it would trade."""
    book = Market(market.product, resting=[replace(order) for order in market.resting])
    wanted = taker.remaining
    while wanted:
        maker = book.best(taker.opposite)
        if maker is None or (taker.is_limit and not taker.crosses(maker.price)):
            return DoneReason.CANCELED
        if maker.account == taker.account:
            if taker.stp is not CO:
                return DoneReason.SELF_TRADE
            book.remove(maker)
            continue
        size = min(wanted, maker.displayed)
        wanted -= size
        maker.filled += size
        maker.displayed -= size
        if not maker.displayed:
            book.remove(maker)
            if maker.remaining:
                maker.displayed = maker.slice
                book.resting.append(maker)
    return None


def fire_stops(market: Market, journal: Journal) -> None:
    """Every stop that is through joins a line; the first is executed to its end, and who is through then joins."""
    line: list[Order] = []
    while True:
        line += [stop for stop in market.stops if stop not in line and stop.is_through(market.last_price)]
        if not line:
            return
        stop = line.pop(0)
        market.stops.remove(stop)
        trigger(market, stop, journal)


def trigger(market: Market, stop: Order, journal: Journal) -> None:
    journal.public(market, StopTriggered, stop.order_id, stop.side, stop.stop_price)
    if market.takes(stop.type, stop.post_only):
        execute(market, stop, journal)
    else:
        finish(market, stop, DoneReason.TRADING_STATUS, journal)
