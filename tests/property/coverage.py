"""What a stream has reached. A run that compares two engines proves nothing about a rule that it never came to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from libs.events.commands import AdvanceTime, AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.events import (
    AnyEvent,
    CancelAllAfterFired,
    CommandDeadLettered,
    CommandDeferred,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderReplenished,
    OrderRested,
    ProductListed,
    SelfTradePrevented,
    StopTriggered,
    TradeExecuted,
)
from libs.events.values import NO_ID, ClosedReason, DoneReason, RejectReason, SelfTradePrevention, Side, TimeInForce

DEEP_CASCADE = 4
"""Stops that fire in one command."""


class Coverage:
    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()

    def take(self, command: AnyCommand, events: Sequence[AnyEvent]) -> None:
        self.reached.update(set(_reached(command, events)))

    def missing(self, required: Iterable[str] | None = None) -> list[str]:
        return sorted(set(REQUIRED if required is None else required) - set(self.reached))


def _reached(command: AnyCommand, events: Sequence[AnyEvent]) -> Iterator[str]:
    for event in events:
        yield type(event).__name__
        reason = getattr(event, "reason", None)
        if isinstance(reason, RejectReason | DoneReason | ClosedReason):
            yield f"{type(event).__name__} {reason.name}"
        if isinstance(event, CommandDeferred | CommandDeadLettered):
            yield f"{type(event).__name__} {event.cause.name}"
    yield from _of_self_trades(events)
    yield from _of_stops(command, events)
    yield from _of_amends(command, events)
    yield from _of_places(command, events)
    yield from _of_deadlines(command, events)
    for event in events:
        if isinstance(event, ProductListed) and event.sequence > 1:
            yield "a product is listed anew"
    if isinstance(command, CancelOrder | AmendOrder) and command.order_id == NO_ID:
        yield f"{type(events[-1]).__name__} of {type(command).__name__} by client_oid"


def _of_self_trades(events: Sequence[AnyEvent]) -> Iterator[str]:
    for at, event in enumerate(events):
        if not isinstance(event, SelfTradePrevented):
            continue
        mode = event.mode.name
        by_funds = bool(event.taker_funds)
        yield f"{mode} {'by funds' if by_funds else 'by size'}"
        if event.maker_remaining > event.maker_displayed:
            yield f"{mode} with an iceberg"
        if event.maker_displayed:
            yield f"{mode} leaves the maker's slice"
        else:
            yield f"{mode} then {type(events[at + 1]).__name__}"
        if event.mode is SelfTradePrevention.CO and isinstance(events[-1], OrderRested | TradeExecuted):
            yield "CO and the taker goes on"


def _of_stops(command: AnyCommand, events: Sequence[AnyEvent]) -> Iterator[str]:
    fired: list[bytes] = []
    for event in events:
        if isinstance(event, StopTriggered):
            yield f"a stop fires by {type(command).__name__}"
            if isinstance(command, PlaceOrder) and event.order_id == command.order_id:
                yield "a stop fires at entry"
            fired.append(event.order_id)
        if isinstance(event, TradeExecuted) and fired and event.taker_order_id == fired[-1]:
            yield "a stop trades"
        if isinstance(event, OrderRested) and event.order_id in fired:
            yield "a stop limit rests"
        if isinstance(event, OrderDone) and event.order_id in fired:
            yield f"a stop ends {event.reason.name}"
    if len(fired) >= DEEP_CASCADE:
        yield "a deep cascade"


def _of_amends(command: AnyCommand, events: Sequence[AnyEvent]) -> Iterator[str]:
    if not isinstance(command, AmendOrder):
        return
    own = [event for event in events if isinstance(event, OrderAmended)]
    for amended in own:
        place = "keeps" if amended.kept_place else "loses"
        yield f"an armed stop {place} its place" if command.stop_price is not None else f"an amend {place} its place"
        after = events[events.index(amended) + 1 :]
        if any(isinstance(event, TradeExecuted) for event in after):
            yield "an amended order trades"
        if after and isinstance(after[0], OrderDone):
            yield f"an amend ends {after[0].reason.name}"
        if any(isinstance(event, SelfTradePrevented) for event in after):
            yield "an amended order meets its own"


def _of_places(command: AnyCommand, events: Sequence[AnyEvent]) -> Iterator[str]:
    if not isinstance(command, PlaceOrder) or not any(isinstance(event, OrderAccepted) for event in events):
        return
    ends = [event for event in events if isinstance(event, OrderDone) and event.order_id == command.order_id]
    for end in ends:
        if command.funds:
            yield f"{Side(command.side).name} by funds {end.reason.name}"
        if command.time_in_force is TimeInForce.FOK and not command.stop_price:
            passed = any(isinstance(event, SelfTradePrevented) for event in events)
            yield f"FOK {end.reason.name}" + (" past its own" if passed else "")
    for event in events:
        if isinstance(event, OrderRested) and event.displayed < event.remaining:
            yield "an iceberg rests"
        if isinstance(event, OrderReplenished) and event.order_id != command.order_id:
            yield "a slice follows"


def _of_deadlines(command: AnyCommand, events: Sequence[AnyEvent]) -> Iterator[str]:
    fired = [event for event in events if isinstance(event, CancelAllAfterFired)]
    expired = [event for event in events if isinstance(event, OrderDone) and event.reason is DoneReason.EXPIRED]
    if fired and expired:
        yield "switches and orders are due at once"
    if any(event.count for event in fired):
        yield "a switch ends orders"
    if (fired or expired) and not isinstance(command, AdvanceTime):
        yield f"a deadline, then {type(events[-1]).__name__}"


_REJECTIONS = {
    "OrderRejected": """CLOCK DUPLICATE UNKNOWN_PRODUCT TRADING_STATUS INVALID_ORDER INVALID_PRICE INVALID_SIZE
        INVALID_FUNDS INVALID_STOP_PRICE INVALID_MAX_FLOOR INVALID_EXPIRE_TIME OFF_TICK OFF_LOT BELOW_MIN_SIZE
        ABOVE_MAX_SIZE BELOW_MIN_NOTIONAL PRICE_COLLAR TOO_MANY_ORDERS POST_ONLY""",
    "AmendRejected": """CLOCK DUPLICATE UNKNOWN_PRODUCT UNKNOWN_ORDER ORDER_DONE NOT_OWNER TRADING_STATUS
        NOTHING_TO_CHANGE INVALID_ORDER INVALID_PRICE INVALID_SIZE INVALID_STOP_PRICE INVALID_MAX_FLOOR
        INVALID_EXPIRE_TIME OFF_TICK OFF_LOT BELOW_MIN_SIZE ABOVE_MAX_SIZE BELOW_MIN_NOTIONAL PRICE_COLLAR POST_ONLY""",
    "CancelRejected": "CLOCK DUPLICATE UNKNOWN_PRODUCT UNKNOWN_ORDER ORDER_DONE NOT_OWNER",
    "CommandRejected": """STALE CLOCK DUPLICATE UNKNOWN_PRODUCT PRODUCT_EXISTS INVALID_PRODUCT INVALID_TIMEOUT
        WRONG_PARTITION INVALID_CLUSTER_SIZE""",
}
"""All but TOO_MANY_PRODUCTS, which takes 65,535 listings and has a test of its own."""

REQUIRED = (
    *(f"{kind} {reason}" for kind, reasons in _REJECTIONS.items() for reason in reasons.split()),
    *(f"OrderDone {reason.name}" for reason in DoneReason if reason is not DoneReason.DEAD_LETTERED),
    *("TradeExecuted", "OrderRested", "OrderReplenished", "OrderAmended", "StopArmed", "StopTriggered"),
    *("ProductListed", "ProductUpdated", "TradingStatusChanged", "ProductDelisted", "DuplicateIgnored"),
    *("CancelAllAfterArmed", "CancelAllAfterDisarmed", "CancelAllAfterFired", "CancelAllDone", "TimeAdvanced"),
    "ClusterSizeChanged",
    *(f"{mode.name} by {amount}" for mode in SelfTradePrevention for amount in ("size", "funds")),
    *(f"{mode.name} with an iceberg" for mode in SelfTradePrevention),
    *("DC leaves the maker's slice", "DC then OrderReplenished", "DC then OrderDone", "CO and the taker goes on"),
    *(f"a stop fires by {kind}" for kind in ("PlaceOrder", "AmendOrder")),
    *(f"a stop ends {reason}" for reason in ("FILLED", "NO_LIQUIDITY", "SELF_TRADE", "TRADING_STATUS", "PRICE_COLLAR")),
    *("a stop fires at entry", "a stop trades", "a stop limit rests", "a deep cascade"),
    *("an amend keeps its place", "an amend loses its place", "an amended order trades"),
    *("an armed stop keeps its place", "an armed stop loses its place", "an amended order meets its own"),
    *("an amend ends FILLED", "an amend ends CANCELED"),
    *(f"{side} by funds {reason}" for side in ("BUY", "SELL") for reason in ("FILLED", "NO_LIQUIDITY", "SELF_TRADE")),
    *("FOK FILLED", "FOK CANCELED", "FOK SELF_TRADE", "FOK FILLED past its own"),
    *("an iceberg rests", "a slice follows", "a product is listed anew"),
    *("switches and orders are due at once", "a switch ends orders"),
    *("OrderDone of CancelOrder by client_oid", "CancelRejected of CancelOrder by client_oid"),
    *("AmendRejected of AmendOrder by client_oid", "OrderAmended of AmendOrder by client_oid"),
    *(f"a deadline, then {event}" for event in ("DuplicateIgnored", "OrderRejected", "CommandRejected")),
)

TROUBLES = (
    *(f"CommandDeferred {cause}" for cause in ("VERSION", "FAULT", "FOLLOWER")),
    *(f"CommandDeadLettered {cause}" for cause in ("VERSION", "FAULT", "CRASH", "UNREADABLE")),
    *(f"DeadLetterClosed {reason}" for reason in ("REPLAYED", "DIED_AGAIN", "DISCARDED")),
    *(f"{kind} {reason}" for kind in ("OrderRejected", "AmendRejected") for reason in ("CANCELED", "DEAD_LETTERED")),
    *("CancelRejected DEAD_LETTERED", "CommandRejected DEAD_LETTERED", "CommandResumed"),
)
"""Of streams in which commands fail."""
