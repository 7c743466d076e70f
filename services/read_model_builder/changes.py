"""Collapses a batch: however often it touches an order or a product, one row change is written for each.

Pure. The events of a batch are whole commands, of any number of partitions, each partition's in order. What a
handler cannot know, because the order is from before the batch, stays None and is left as it is in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from libs.events import events as facts
from libs.events.events import AnyEvent, Event
from libs.events.ids import partition_of
from libs.events.values import NO_ID
from libs.read_model.archive import day_of
from libs.read_model.status import Status
from services.read_model_builder.copying import event_row
from services.read_model_builder.deaths import Death
from services.read_model_builder.intake import Piece
from services.read_model_builder.rows import NewOrder, OrderChange, ProductChange, SelfTrade, Trade


class Changes:
    """Everything one transaction writes."""

    def __init__(self) -> None:
        self.new: dict[bytes, NewOrder] = {}
        self.old: dict[bytes, OrderChange] = {}
        self.stale: dict[bytes, NewOrder] = {}
        """Orders refused without being read. Each may have had its outcome before: then it keeps that."""
        self.pending: dict[bytes, NewOrder] = {}
        """Orders that were put off in this batch, as they were then."""
        self.awaited: set[bytes] = set()
        """Orders that were pending, perhaps before the batch, and are so no more."""
        self.deaths: list[Death] = []
        self.closings: list[facts.DeadLetterClosed] = []
        self.partition = 0
        """Of the events that are applied."""
        self.trades: list[Trade] = []
        self.self_trades: list[SelfTrade] = []
        self.products: dict[int, ProductChange] = {}
        self.archive: list[bytes] = []
        self.days: set[int] = set()
        """Of the archive, that its rows belong to."""
        self.cluster_size = 0
        """Partitions that there are now, as the batch says; 0 when it says nothing of it."""

    def apply(self, piece: Piece) -> None:
        archive, partition = self.archive.append, piece.before.partition
        self.partition = partition
        feeds: dict[int, Event] = {}
        for event, value in zip(piece.events, piece.values, strict=True):
            handler, tag = _HANDLERS[type(event)]
            feeds[event.number] = event
            order_id = handler(self, event)
            archive(event_row(partition, tag, event.number, event.seq, event.time, order_id, value))
        for number, last in feeds.items():
            if number:
                product = self.product(number)
                product.sequence, product.seq = last.sequence, last.seq
        self.days.update(_days(piece.events))

    def product(self, number: int) -> ProductChange:
        found = self.products.get(number)
        if found is None:
            found = self.products[number] = ProductChange(number)
        return found

    def order(self, order_id: bytes) -> NewOrder | OrderChange:
        """The change of an order that was accepted in this batch or before it."""
        found = self.new.get(order_id) or self.old.get(order_id)
        if found is None:
            found = self.old[order_id] = OrderChange(order_id)
        return found


def _days(events: Sequence[AnyEvent]) -> set[int]:
    """Engine time never runs back in a partition, and stands at 0 before its first command."""
    first, last = day_of(events[0].time), day_of(events[-1].time)
    return {first} if first == last else {day_of(event.time) for event in events}


def _accepted(changes: Changes, event: facts.OrderAccepted) -> bytes:
    changes.new[event.order_id] = NewOrder(
        event.order_id,
        event.account,
        event.client_oid,
        event.number,
        event.side,
        event.type,
        event.price,
        event.size,
        event.funds,
        event.time_in_force,
        event.post_only,
        event.time,
        event.seq,
        Status.OPEN,
        event.size,
        event.size,
        event.seq,
        event.time,
        event.replay_of,
        event.stp,
        event.stop_price,
        event.max_floor,
        event.expire_time,
    )
    if changes.pending:
        _keep_beginning(changes, event.order_id)
    return event.order_id


def _keep_beginning(changes: Changes, order_id: bytes) -> None:
    """An order that was put off in this batch began, and is whose it is, as it was then."""
    before = changes.pending.get(order_id)
    if before is not None:
        order = changes.new[order_id]
        order.created, order.account = before.created, before.account


def _deferred(changes: Changes, event: facts.CommandDeferred) -> bytes:
    """A place is an order that is pending. Of one that cannot be read yet little is known."""
    if event.order_id == event.command_id:
        terms = event.terms
        order = NewOrder(
            event.order_id,
            event.account,
            event.client_oid,
            event.number,
            None if terms is None else terms.side,
            None if terms is None else terms.type,
            0 if terms is None else terms.price,
            0 if terms is None else terms.size,
            0 if terms is None else terms.funds,
            None if terms is None else terms.time_in_force,
            terms is not None and terms.post_only,
            event.time,
            event.seq,
            Status.PENDING,
            0 if terms is None else terms.size,
            0,
            event.seq,
            event.time,
            event.replay_of,
            None if terms is None else terms.stp,
            0 if terms is None else terms.stop_price,
            0 if terms is None else terms.max_floor,
            0 if terms is None else terms.expire_time,
        )
        changes.new[event.order_id] = order
        _keep_beginning(changes, event.order_id)
        changes.pending[event.order_id] = order
    return event.order_id


def _resumed(changes: Changes, event: facts.CommandResumed) -> bytes:
    changes.awaited.add(event.order_id)
    return event.order_id


def _dead_lettered(changes: Changes, event: facts.CommandDeadLettered) -> bytes:
    changes.awaited.add(event.order_id)
    changes.deaths.append(Death(changes.partition, event))
    return event.order_id


def _dead_letter_closed(changes: Changes, event: facts.DeadLetterClosed) -> bytes:
    changes.closings.append(event)
    return NO_ID


def _rejected(changes: Changes, event: facts.OrderRejected) -> bytes:
    changes.new[event.order_id] = NewOrder(
        event.order_id,
        event.account,
        event.client_oid,
        event.number,
        event.side,
        event.type,
        event.price,
        event.size,
        event.funds,
        event.time_in_force,
        event.post_only,
        event.time,
        event.seq,
        Status.REJECTED,
        event.size,
        0,
        event.seq,
        event.time,
        None,
        event.stp,
        event.stop_price,
        event.max_floor,
        event.expire_time,
        first_order_id=event.first_order_id,
        reject_reason=event.reason,
        done_at=event.time,
    )
    if event.parked_id:
        changes.awaited.add(event.order_id)
    if changes.pending:
        _keep_beginning(changes, event.order_id)
    return event.order_id


def _command_rejected(changes: Changes, event: facts.CommandRejected) -> bytes:
    """A place is told by its command_id. Where this is the first that is heard of the order, or it is pending, it is its
    outcome."""
    if event.order_id != NO_ID and event.order_id == (event.parked_id or event.command_id):
        if event.parked_id:
            changes.awaited.add(event.order_id)
        if event.order_id in changes.pending:
            return _refused(changes.new[event.order_id], event)
        changes.stale[event.order_id] = NewOrder(
            event.order_id,
            event.account,
            event.client_oid,
            event.number,
            None,
            None,
            0,
            0,
            0,
            None,
            False,
            event.time,
            event.seq,
            Status.REJECTED,
            0,
            0,
            event.seq,
            event.time,
            first_order_id=event.first_order_id,
            reject_reason=event.reason,
            done_at=event.time,
        )
    return event.order_id


def _refused(order: NewOrder, event: facts.CommandRejected) -> bytes:
    """It was put off in this batch, if it is not decided since."""
    if order.status is Status.PENDING:
        order.status, order.reject_reason, order.first_order_id = Status.REJECTED, event.reason, event.first_order_id
        order.seq = event.seq
        order.updated = order.done_at = event.time
    return event.order_id


def _placed(changes: Changes, event: facts.OrderRested | facts.OrderReplenished) -> bytes:
    """At the back of its level, for the first time or with its next slice."""
    order = changes.order(event.order_id)
    order.price = event.price
    order.remaining = event.remaining
    order.displayed = event.displayed
    order.priority = order.seq = event.seq
    order.updated = event.time
    return event.order_id


def _armed(changes: Changes, event: facts.StopArmed) -> bytes:
    order = changes.order(event.order_id)
    order.status = Status.ACTIVE
    order.displayed = 0
    order.priority = order.seq = event.seq
    order.updated = event.time
    return event.order_id


def _triggered(changes: Changes, event: facts.StopTriggered) -> bytes:
    order = changes.order(event.order_id)
    order.status = Status.OPEN
    order.seq = event.seq
    order.updated = event.time
    return event.order_id


def _prevented(changes: Changes, event: facts.SelfTradePrevented) -> bytes:
    """Archived under the taker, like a trade; a row leads there from the maker."""
    maker, taker = changes.order(event.maker_order_id), changes.order(event.taker_order_id)
    maker.remaining = event.maker_remaining
    maker.displayed = event.maker_displayed
    taker.remaining = taker.displayed = event.taker_remaining
    for order in (maker, taker):
        order.taken_off += event.size
        order.seq = event.seq
        order.updated = event.time
    changes.self_trades.append(SelfTrade(event.maker_order_id, event.seq, event.time, partition_of(event.number)))
    return event.taker_order_id


def _traded(changes: Changes, event: facts.TradeExecuted) -> bytes:
    seq, time, size, price = event.seq, event.time, event.size, event.price
    maker = changes.order(event.maker_order_id)
    maker.remaining = event.maker_remaining
    maker.displayed = event.maker_displayed
    taker = changes.order(event.taker_order_id)
    taker.remaining = taker.displayed = event.taker_remaining
    for order in (maker, taker):
        order.filled += size
        order.value += price * size
        order.seq = seq
        order.updated = time
    product = changes.product(event.number)
    product.trade_id = event.trade_id
    product.last_price = price
    product.last_size = size
    product.last_time = time
    changes.trades.append(
        Trade(
            event.number,
            event.taker_side,
            partition_of(event.number),
            event.trade_id,
            seq,
            time,
            price,
            size,
            event.maker_order_id,
            event.taker_order_id,
            event.maker_account,
            event.taker_account,
        )
    )
    return event.taker_order_id


def _amended(changes: Changes, event: facts.OrderAmended) -> bytes:
    order = changes.order(event.order_id)
    order.price = event.price
    order.size = event.size
    order.remaining = event.remaining
    order.displayed = event.displayed
    order.max_floor = event.max_floor
    order.stop_price = event.stop_price
    order.expire_time = event.expire_time
    if not event.kept_place:
        order.priority = event.seq
    order.seq = event.seq
    order.updated = event.time
    return event.order_id


def _done(changes: Changes, event: facts.OrderDone) -> bytes:
    order = changes.order(event.order_id)
    order.status = Status.DONE
    order.done_reason = event.reason
    order.remaining = event.remaining
    order.displayed = 0
    order.seq = event.seq
    order.updated = order.done_at = event.time
    return event.order_id


def _product_changed(
    changes: Changes, event: facts.ProductUpdated | facts.TradingStatusChanged | facts.ProductDelisted
) -> bytes:
    changes.product(event.number).product = event.product
    return NO_ID


def _product_listed(changes: Changes, event: facts.ProductListed) -> bytes:
    product = changes.product(event.number)
    product.product = event.product
    product.listed = event.time
    return NO_ID


def _of_an_order(
    _changes: Changes,
    event: facts.AmendRejected
    | facts.CancelRejected
    | facts.DuplicateIgnored
    | facts.CommandDeferred
    | facts.CommandResumed
    | facts.CommandDeadLettered,
) -> bytes:
    return event.order_id


def _of_no_order(_changes: Changes, _event: Event) -> bytes:
    return NO_ID


def _cluster_size_changed(changes: Changes, event: facts.ClusterSizeChanged) -> bytes:
    changes.cluster_size = max(changes.cluster_size, event.partitions)
    return NO_ID


_Handler = Callable[[Changes, Event], bytes]
"""Returns the order that the event is archived under, or NO_ID."""

_BY_TYPE = cast(
    dict[type[Event], _Handler],
    {
        facts.OrderAccepted: _accepted,
        facts.OrderRejected: _rejected,
        facts.AmendRejected: _of_an_order,
        facts.CancelRejected: _of_an_order,
        facts.CommandRejected: _command_rejected,
        facts.OrderRested: _placed,
        facts.OrderReplenished: _placed,
        facts.TradeExecuted: _traded,
        facts.OrderAmended: _amended,
        facts.OrderDone: _done,
        facts.CancelAllDone: _of_no_order,
        facts.ProductListed: _product_listed,
        facts.ProductUpdated: _product_changed,
        facts.TradingStatusChanged: _product_changed,
        facts.ProductDelisted: _product_changed,
        facts.DuplicateIgnored: _of_an_order,
        facts.RulesChanged: _of_no_order,
        facts.StopArmed: _armed,
        facts.StopTriggered: _triggered,
        facts.SelfTradePrevented: _prevented,
        facts.CancelAllAfterArmed: _of_no_order,
        facts.CancelAllAfterDisarmed: _of_no_order,
        facts.CancelAllAfterFired: _of_no_order,
        facts.TimeAdvanced: _of_no_order,
        facts.CommandDeferred: _deferred,
        facts.CommandResumed: _resumed,
        facts.CommandDeadLettered: _dead_lettered,
        facts.DeadLetterClosed: _dead_letter_closed,
        facts.ClusterSizeChanged: _cluster_size_changed,
    },
)


def _tag(kind: type[Event]) -> int:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


_HANDLERS = {kind: (handler, _tag(kind)) for kind, handler in _BY_TYPE.items()}
