"""What events say, short. The order that one is about stands there only where it is not the command's own."""

from collections.abc import Mapping

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.decimals import to_text
from libs.events.events import (
    AmendRejected,
    AnyEvent,
    CancelAllAfterArmed,
    CancelAllAfterDisarmed,
    CancelAllAfterFired,
    CancelAllDone,
    CancelRejected,
    CommandDeadLettered,
    CommandDeferred,
    CommandRejected,
    CommandResumed,
    DeadLetterClosed,
    DuplicateIgnored,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderRejected,
    OrderReplenished,
    OrderRested,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    SelfTradePrevented,
    StopArmed,
    StopTriggered,
    TimeAdvanced,
    TradeExecuted,
    TradingStatusChanged,
)
from libs.events.values import NO_ID
from tests.unit.matching.script_commands import PRICE_SCALE, SIZE_SCALE

Names = Mapping[bytes, str]


def show(command: AnyCommand, events: list[AnyEvent], names: Names) -> str:
    own = next(event for event in events if event.sent)
    about_one = isinstance(command, PlaceOrder | AmendOrder | CancelOrder)
    subject = getattr(own, "order_id", NO_ID) if about_one else NO_ID
    return ", ".join(show_event(event, subject, names) for event in events)


def show_event(event: AnyEvent, subject: bytes, names: Names) -> str:
    match event:
        case OrderAccepted():
            return "accepted"
        case OrderRejected() | AmendRejected() | CancelRejected() | CommandRejected():
            first = f" of {names[event.first_order_id]}" if event.first_order_id else ""
            parked = f" {names[event.parked_id]}" if event.parked_id else ""
            return f"rejected {event.reason.name.lower()}{first}{parked}"
        case TradeExecuted():
            return f"trade {show_size(event.size)} @ {show_price(event.price)} with {names[event.maker_order_id]}"
        case SelfTradePrevented():
            return f"prevented {show_size(event.size)} with {names[event.maker_order_id]}"
        case OrderAmended():
            return "amended, keeps priority" if event.kept_place else "amended, loses priority"
        case OrderReplenished():
            return f"replenished {names[event.order_id]} {show_size(event.displayed)}"
        case OrderRested() | OrderDone() | StopArmed() | StopTriggered():
            whose = "" if event.order_id == subject else f" {names[event.order_id]}"
            return show_life(event) + whose
    return show_other(event)


def show_life(event: OrderRested | OrderDone | StopArmed | StopTriggered) -> str:
    match event:
        case OrderRested():
            return f"rests {show_size(event.remaining)}"
        case OrderDone():
            return f"done {event.reason.name.lower()}"
        case StopArmed():
            return "armed"
        case StopTriggered():
            return "triggered"


def show_other(event: AnyEvent) -> str:
    """What an event says that is about no single order."""
    match event:
        case CancelAllDone():
            return f"canceled {event.count}"
        case DuplicateIgnored():
            return "duplicate ignored"
        case CancelAllAfterArmed():
            return "switch armed"
        case CancelAllAfterDisarmed():
            return "switch disarmed"
        case CancelAllAfterFired():
            return f"switch of {event.owner} fired {event.count}"
        case TimeAdvanced():
            return "time advanced"
        case CommandDeferred():
            return f"deferred {event.cause.name.lower()} {event.tier}"
        case CommandResumed():
            return "resumed"
        case CommandDeadLettered():
            return f"dead {event.cause.name.lower()}"
        case DeadLetterClosed():
            return f"closed {event.reason.name.lower()}"
    return show_product(event)


def show_product(event: AnyEvent) -> str:
    match event:
        case TradingStatusChanged():
            return f"status {event.product.status.name.lower()}"
        case ProductListed():
            return "listed"
        case ProductUpdated():
            return "updated"
        case ProductDelisted():
            return "delisted"
    raise AssertionError(f"no words for {event}")


def show_price(price: int) -> str:
    return to_text(price, PRICE_SCALE).removesuffix(".0")


def show_size(size: int) -> str:
    return to_text(size, SIZE_SCALE)
