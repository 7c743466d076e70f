"""A new order: accepted or rejected, matched, and what is left of it rests or is done."""

from __future__ import annotations

from libs.book.fold import Broken, accepted
from libs.book.invariants import crossed
from libs.book.orders import NOBODY, Account, Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.stops import through
from libs.events.commands import PlaceOrder
from libs.events.events import AnyEvent, DuplicateIgnored, OrderAccepted, OrderRested, StopArmed, StopTriggered
from libs.events.values import MAX_INTEGER, DoneReason, OrderType, TimeInForce
from libs.matching.crossing import fills, finish, match, match_funds
from libs.matching.rejections import end, only_header, reject, repeated
from libs.matching.validation import collar, place_reason, status_accepts

_LIMIT = OrderType.LIMIT
_GTC = TimeInForce.GTC
_GTD = TimeInForce.GTD
_FOK = TimeInForce.FOK


def place(state: PartitionState, command: PlaceOrder, book: ProductBook) -> list[AnyEvent]:
    """Decide a place that is no repeat, unless an open order of its account has its name."""
    order_id, account, client_oid, key = command.command_id, command.account, command.client_oid, command.key
    owner = book.accounts.get(account, NOBODY)
    label = client_oid or key
    name = label or order_id
    if order_id in book.orders:
        return [DuplicateIgnored(*only_header(state, command, book), order_id)]
    if name in owner:
        return repeated(state, command, book, owner[name].order_id)
    window, sent = state.window, command.sent
    if command.attempt:
        window.add(order_id, key, sent)
    else:
        window.recent[order_id] = key
        if key:
            window.first[key] = order_id
        if sent > window.latest:
            window.latest = sent
    side, price, size = command.side, command.price, command.size
    opposite = book.asks.best if side == 1 else book.bids.best
    if not (
        # The order that most books are made of, and that meets nothing, rests, and there is no more to say.
        book.plain
        and command.time_in_force is _GTC
        and command.type is _LIMIT
        and book.least <= size <= book.most
        and not size % book.lot
        and 0 < price <= MAX_INTEGER
        and not price % book.tick
        and (opposite is None or (price < opposite.price if side == 1 else price > opposite.price))
        and not (command.funds or command.stop_price or command.max_floor or command.expire_time)
        and command.order_id == order_id
    ):
        return end(_place(state, command, book))
    stp, post_only = command.stp, command.post_only
    time, offset, number, accepted_seq, sequence = (
        state.time, state.command_offset, book.number, state.seq + 1, book.sequence + 1
    )  # fmt: skip
    state.seq = seq = accepted_seq + 1
    book.sequence = sequence + 1
    # fmt: off
    if owner is NOBODY:
        owner = book.accounts[account] = Account(account)
    ladder = book.bids if side == 1 else book.asks
    level = ladder.levels.get(price) or ladder.open(price)
    if not level.count:
        ladder.empty -= 1
    level.count += 1
    level.volume += size
    order = Order(
        order_id, owner.name, label, side, level.price, size, size, size, seq, _GTC, post_only, stp, 0, 0, 0, 0, 0,
        False,
    )
    level.queue.append(order)
    book.orders[order_id] = owner[name] = order
    return [
        OrderAccepted(
            accepted_seq, number, sequence, time, offset, order_id, False, account, key, sent, order_id, client_oid,
            side, _LIMIT, price, size, 0, _GTC, post_only, command.replay_of, stp,
        ),
        OrderRested(
            seq, number, sequence + 1, time, offset, order_id, True, "", 0, 0, order_id, side, price, size, size,
        ),
    ]
    # fmt: on


def _place(state: PartitionState, command: PlaceOrder, book: ProductBook) -> list[AnyEvent]:
    """A new order of any kind."""
    reason = place_reason(state, command, book)
    if reason is not None:
        return [reject(state, command, book, reason)]
    waits = command.stop_price != 0 and not through(command.side, command.stop_price, book.last_price)
    acceptance = _accepted(state, command, book, waits)
    events: list[AnyEvent] = [acceptance]
    order = accepted(acceptance)
    if not command.stop_price:
        execute(state, command.command_id, book, order, events)
    elif not waits:
        trigger(state, command.command_id, book, order, events)
    else:
        book.keep(order)
        _arm(state, command.command_id, book, order, events)
    if book.stops.count:
        fire_stops(state, command.command_id, book, events)
    return events


def execute(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    """An order acts, at entry or when its stop fires, until it rests or is done."""
    if not order.price:
        _execute_market(state, command_id, book, order, events)
        return
    if order.time_in_force is _FOK:
        reason = fills(book, order)
        if reason is not None:
            finish(state, command_id, book, order, reason, events)
            return
    cross(state, command_id, book, order, events)


def cross(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    """A limit order that is in no queue trades with what it crosses; what is left rests, or is done."""
    if match(state, command_id, book, order, order.price, events):
        finish(state, command_id, book, order, DoneReason.SELF_TRADE, events)
    elif not order.remaining:
        finish(state, command_id, book, order, DoneReason.FILLED, events)
    elif order.time_in_force is _GTC or order.time_in_force is _GTD:
        rest(state, command_id, book, order, events)
    else:
        finish(state, command_id, book, order, DoneReason.CANCELED, events)


def rest(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    """An order that crosses nothing takes its place at the back of its level."""
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    floor, remaining = order.max_floor, order.remaining
    order.displayed = displayed = floor if 0 < floor < remaining else remaining
    order.priority = seq
    side = order.side
    if order.order_id not in book.orders:
        book.keep(order)
    (book.bids if side == 1 else book.asks).append(order)
    if crossed(book):
        raise Broken(f"{book.product.product_id}: crossed book after command {state.command_offset}")
    events.append(
        OrderRested(
            seq,
            book.number,
            sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            order.order_id,
            side,
            order.price,
            remaining,
            displayed,
        )
    )


def fire_stops(state: PartitionState, command_id: bytes, book: ProductBook, events: list[AnyEvent]) -> None:
    """Every stop that the last trade is through, and every one that those set off: a line, not a recursion."""
    line = book.stops.take_through(book.last_price)
    at = 0
    while at < len(line):
        trigger(state, command_id, book, line[at], events)
        at += 1
        if book.stops.count:
            line += book.stops.take_through(book.last_price)


def trigger(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    state.seq += 1
    book.sequence += 1
    events.append(
        StopTriggered(
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
            order.order_id,
            order.side,
            order.stop_price,
        )
    )
    if status_accepts(book.product.status, order.type, order.post_only):
        execute(state, command_id, book, order, events)
    else:
        finish(state, command_id, book, order, DoneReason.TRADING_STATUS, events)


def _execute_market(
    state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]
) -> None:
    limit = collar(book, order.side)
    reason: DoneReason | None
    if order.funds:
        reason = match_funds(state, command_id, book, order, limit, events)
    elif match(state, command_id, book, order, limit, events):
        reason = DoneReason.SELF_TRADE
    else:
        reason = None if order.remaining else DoneReason.FILLED
    if reason is None:
        ended = book.opposite(order.side).best is None
        reason = DoneReason.NO_LIQUIDITY if ended else DoneReason.PRICE_COLLAR
    finish(state, command_id, book, order, reason, events)


def _arm(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    state.seq += 1
    book.stops.arm(order, state.seq)
    events.append(
        StopArmed(
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
            order.order_id,
            order.side,
            order.stop_price,
        )
    )


def _accepted(state: PartitionState, command: PlaceOrder, book: ProductBook, waits: bool) -> OrderAccepted:
    """The fact that an order is accepted; of a stop that waits, nobody else hears."""
    state.seq = seq = state.seq + 1
    if not waits:
        book.sequence += 1
    return OrderAccepted(
        seq,
        command.number,
        book.sequence,
        state.time,
        state.command_offset,
        command.command_id,
        False,
        command.account,
        command.key,
        command.sent,
        command.order_id,
        command.client_oid,
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        command.replay_of,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
    )
