"""What an order asks for, from texts to the fields of its command. Raises Problem, names the field.

Only what needs no book is checked here. Whether an `expire_time` is still to come is the engine's to say: a repeat of
a request must find its first answer, also when that time has passed in between. A time that is longer ago than repeats
are remembered can be no repeat, and is refused at once.
"""

from typing import Final, NamedTuple, TypeAlias

from libs.events.values import OrderType, Product, SelfTradePrevention, TimeInForce
from libs.service import problems
from libs.service.problems import Problem
from libs.service.times import DAY, HOUR, LAST, MINUTE, SECOND, NotATime, parse
from services.order_api import amounts
from services.order_api.requests import Amend, Place

MOST_TIMEOUT_S: Final = 86_400
MOST_SLICES: Final = 1_000
"""Of an iceberg: what one taker may set off is bounded. The engine holds amended orders to it too."""
CANCEL_AFTER: Final = {"min": MINUTE, "hour": HOUR, "day": DAY}
REPEATS_LAST: Final = 2 * DAY
"""Twice as long as idempotency keys are remembered, unless a setting says otherwise."""

_TIMES: Final = {
    None: TimeInForce.GTC,
    "GTC": TimeInForce.GTC,
    "GTD": TimeInForce.GTD,
    "GTT": TimeInForce.GTD,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_RESTING: Final = frozenset((TimeInForce.GTC, TimeInForce.GTD))
_PREVENTIONS: Final = {
    None: SelfTradePrevention.DC,
    "dc": SelfTradePrevention.DC,
    "co": SelfTradePrevention.CO,
    "cn": SelfTradePrevention.CN,
    "cb": SelfTradePrevention.CB,
}
_PLAIN: Final = frozenset(("limit", "market"))
_LIMITS: Final = frozenset(("limit", "stop_limit"))
_SIDE_OF: Final = {"loss": "sell", "entry": "buy"}


Terms: TypeAlias = tuple[OrderType, int, int, int, TimeInForce, bool, SelfTradePrevention, int, int, int]
"""The fields of `PlaceOrder` after its side."""


class Amendment(NamedTuple):
    """The fields of `AmendOrder` after its envelope."""

    price: int | None
    size: int | None
    stop_price: int | None
    max_floor: int | None
    expire_time: int | None


def placed(request: Place, product: Product, now: int) -> Terms:
    """`now` is order_api's own time, ns: `cancel_after` counts from it."""
    limit = request.type in _LIMITS
    price, size, funds = _limit(request, product) if limit else _market(request, product)
    time_in_force = _TIMES[request.time_in_force]
    kind = OrderType.LIMIT if limit else OrderType.MARKET
    if _is_plain(request, time_in_force):
        return kind, price, size, funds, time_in_force, request.post_only, SelfTradePrevention.DC, 0, 0, 0
    return (
        kind,
        price,
        size,
        funds,
        time_in_force,
        request.post_only,
        _PREVENTIONS[request.stp],
        _stop_price(request, product),
        _max_floor(request, time_in_force, size, product),
        _expire_time(request, time_in_force, now),
    )


def _is_plain(request: Place, time_in_force: TimeInForce) -> bool:
    """Whether it asks for nothing that most orders do not: then there is no more to look at."""
    return (
        request.stop_price is None
        and request.max_floor is None
        and request.stp is None
        and time_in_force is not TimeInForce.GTD
        and request.type in _PLAIN
        and request.stop is None
        and request.expire_time is None
        and request.cancel_after is None
    )


def amended(request: Amend, product: Product, now: int) -> Amendment:
    stop_price, max_floor, expire_time = request.stop_price, request.max_floor, request.expire_time
    found = Amendment(
        None if request.price is None else amounts.price(request.price, product),
        None if request.size is None else amounts.size(request.size, product),
        None if stop_price is None else amounts.price(stop_price, product, "stop_price"),
        None if max_floor is None else amounts.size(max_floor, product, "max_floor", least=0),
        None if expire_time is None else _parsed(expire_time, now),
    )
    if all(value is None for value in found):
        raise Problem(problems.NOTHING_TO_CHANGE)
    if found.size is not None and found.max_floor is not None:
        _check_slices(found.size, found.max_floor)
    return found


def timeout(seconds: int) -> int:
    """In ns."""
    if not 0 <= seconds <= MOST_TIMEOUT_S:
        raise Problem(problems.INVALID_TIMEOUT, field="timeout")
    return seconds * SECOND


def _limit(request: Place, product: Product) -> tuple[int, int, int]:
    if request.price is None:
        raise Problem(problems.MISSING_FIELD, f"a {request.type} order needs a price", "price")
    if request.size is None:
        raise Problem(problems.MISSING_FIELD, f"a {request.type} order needs a size", "size")
    if request.funds is not None:
        raise Problem(problems.FUNDS_NOT_ALLOWED, field="funds")
    if request.post_only and (_TIMES[request.time_in_force] not in _RESTING or _is_stop(request)):
        raise Problem(problems.POST_ONLY_NOT_ALLOWED, field="post_only")
    return amounts.price(request.price, product), amounts.size(request.size, product), 0


def _market(request: Place, product: Product) -> tuple[int, int, int]:
    if request.price is not None:
        raise Problem(problems.PRICE_NOT_ALLOWED, field="price")
    if request.post_only:
        raise Problem(problems.POST_ONLY_NOT_ALLOWED, field="post_only")
    if request.time_in_force is not None:
        raise Problem(problems.TIME_IN_FORCE_NOT_ALLOWED, field="time_in_force")
    if request.max_floor is not None:
        raise Problem(problems.MAX_FLOOR_NOT_ALLOWED, field="max_floor")
    if request.size is not None and request.funds is None:
        return 0, amounts.size(request.size, product), 0
    if request.funds is not None and request.size is None:
        return 0, 0, amounts.funds(request.funds, product)
    raise Problem(problems.SIZE_OR_FUNDS, field="size" if request.size is None else "funds")


def _is_stop(request: Place) -> bool:
    return request.stop_price is not None or request.stop is not None or request.type in ("stop", "stop_limit")


def _stop_price(request: Place, product: Product) -> int:
    if request.stop_price is None:
        if _is_stop(request):
            raise Problem(problems.MISSING_FIELD, "a stop needs a stop_price", "stop_price")
        return 0
    if request.stop is not None and _SIDE_OF[request.stop] != request.side:
        raise Problem(problems.STOP_SIDE, field="stop")
    return amounts.price(request.stop_price, product, "stop_price")


def _max_floor(request: Place, time_in_force: TimeInForce, size: int, product: Product) -> int:
    if request.max_floor is None:
        return 0
    if time_in_force not in _RESTING:
        raise Problem(problems.MAX_FLOOR_NOT_ALLOWED, field="max_floor")
    max_floor = amounts.size(request.max_floor, product, "max_floor")
    _check_slices(size, max_floor)
    return max_floor


def _check_slices(size: int, max_floor: int) -> None:
    if max_floor and size > MOST_SLICES * max_floor:
        raise Problem(problems.INVALID_MAX_FLOOR, field="max_floor")


def _expire_time(request: Place, time_in_force: TimeInForce, now: int) -> int:
    expire_time, cancel_after = request.expire_time, request.cancel_after
    if time_in_force is not TimeInForce.GTD:
        if expire_time is not None or cancel_after is not None:
            field = "expire_time" if expire_time is not None else "cancel_after"
            raise Problem(problems.EXPIRY_NOT_ALLOWED, field=field)
        return 0
    if expire_time is not None and cancel_after is not None:
        raise Problem(problems.EXPIRY_NOT_ALLOWED, field="cancel_after")
    if cancel_after is not None:
        return now + CANCEL_AFTER[cancel_after]
    if expire_time is None:
        raise Problem(problems.MISSING_FIELD, "a GTD order needs an expire_time or cancel_after", "expire_time")
    return _parsed(expire_time, now)


def _parsed(text: str, now: int) -> int:
    try:
        found = parse(text)
    except NotATime as error:
        raise Problem(problems.INVALID_EXPIRE_TIME, str(error), "expire_time") from None
    if not now - REPEATS_LAST < found <= LAST:
        raise Problem(problems.INVALID_EXPIRE_TIME, f"{text[:64]} is past, or too far ahead", "expire_time")
    return found
