"""The commands of a script's lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.decimals import to_integer
from libs.events.ids import key_digest
from libs.events.values import NO_ID, OrderType, SelfTradePrevention, Side, TimeInForce, TradingStatus

START: Final = 1_700_000_000_000_000_000
MILLISECOND: Final = 1_000_000
PRICE_SCALE: Final = 1
SIZE_SCALE: Final = 0
FORCES: Final = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
MODES: Final = {mode.name.lower(): mode for mode in SelfTradePrevention}

Head = tuple[bytes, str, int, bytes, str, int, int, int, None]


def listing(command_id: bytes, product_id: str = "TEST", **limits: int) -> ListProduct:
    head: Head = (command_id, "op", 0, NO_ID, "", 0, START, 0, None)
    return replace(ListProduct(*head, product_id, "T", "USD", PRICE_SCALE, SIZE_SCALE, 5, 1), **limits)


def to_duration(text: str) -> int:
    """`5s` or `100ms`, as ns."""
    number, unit = (text[:-2], MILLISECOND) if text.endswith("ms") else (text[:-1], 1_000 * MILLISECOND)
    return int(number) * unit


def to_price(text: str) -> int:
    return to_integer(text, PRICE_SCALE)


def to_size(text: str) -> int:
    return to_integer(text, SIZE_SCALE)


@dataclass
class Line:
    """Where and when a line is said."""

    now: int
    number: int
    command_id: bytes
    id_of: Callable[[str], bytes]

    def head(self, account: str = "op", order_id: bytes = NO_ID, client_oid: str = "") -> Head:
        return self.command_id, account, self.number, order_id, client_oid, 0, self.now, 0, None


def parse(said: str, now: int, number: int, name: str, id_of: Callable[[str], bytes]) -> AnyCommand:
    """`name` is the command's own, of all but a place; `id_of` gives names their ids."""
    words = said.split()
    if words[0] == "place":
        return parse_place(words[1:], now, number, id_of)
    line = Line(now, number, id_of(name), id_of)
    match words:
        case ["amend", order, account, *changes]:
            return parse_amend(line.head(account, id_of(order)), changes, now)
        case ["amend_oid", client_oid, account, *changes]:
            return parse_amend(line.head(account, NO_ID, client_oid), changes, now)
        case ["cancel", order, account]:
            return CancelOrder(*line.head(account, id_of(order)))
        case ["cancel_oid", client_oid, account]:
            return CancelOrder(*line.head(account, NO_ID, client_oid))
        case ["cancel_all", account, *side]:
            return CancelAllOrders(*line.head(account), Side[side[0].upper()] if side else None)
        case ["arm", account, timeout]:
            return ArmCancelAllAfter(*line.head(account), to_duration(timeout))
        case _:
            return parse_governing(line, words)


def parse_governing(line: Line, words: list[str]) -> AnyCommand:
    match words:
        case ["advance"]:
            return replace(AdvanceTime(*line.head()), number=0)
        case ["status", status]:
            return SetTradingStatus(*line.head(), TradingStatus[status.upper()])
        case ["delist"]:
            return DelistProduct(*line.head())
        case ["update", *pairs]:
            rules = {name: int(value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
            return replace(UpdateProduct(*line.head()), **rules)
    raise AssertionError(f"cannot read {' '.join(words)!r}")


def parse_place(words: list[str], now: int, number: int, id_of: Callable[[str], bytes]) -> PlaceOrder:
    """`5 @ 101`, `5 @ market` or `funds 700`, then any of `ioc`, `fok`, `gtd 5s`, `post_only`, `dc` `co` `cn` `cb`,
    `stop 99`, `floor 2`, `oid x`."""
    name, account, side, *rest = words
    order_id = id_of(name)
    amounts, rest = (rest[:2], rest[2:]) if rest[0] == "funds" else (rest[:3], rest[3:])
    named = {key: rest[rest.index(key) + 1] for key in ("gtd", "stop", "floor", "oid") if key in rest}
    client_oid = named.get("oid", "")
    key = key_digest(account, number, client_oid) if client_oid else 0
    head = (order_id, account, number, order_id, client_oid, key, now, 0, None)
    place = replace(
        PlaceOrder(*head, Side[side.upper()], OrderType.LIMIT, 0, 0),
        time_in_force=next((force for word, force in FORCES.items() if word in rest), TimeInForce.GTC),
        post_only="post_only" in rest,
        stp=next((mode for word, mode in MODES.items() if word in rest), SelfTradePrevention.DC),
        stop_price=to_price(named.get("stop", "0")),
        max_floor=to_size(named.get("floor", "0")),
    )
    if "gtd" in named:
        place = replace(place, time_in_force=TimeInForce.GTD, expire_time=now + to_duration(named["gtd"]))
    match amounts:
        case ["funds", funds]:
            return replace(place, type=OrderType.MARKET, funds=to_integer(funds, PRICE_SCALE + SIZE_SCALE))
        case [size, "@", "market"]:
            return replace(place, type=OrderType.MARKET, size=to_size(size))
        case [size, "@", price]:
            return replace(place, size=to_size(size), price=to_price(price))
    raise AssertionError(f"cannot read the amount of {' '.join(words)!r}")


def parse_amend(head: Head, changes: list[str], now: int) -> AmendOrder:
    """Any of `price 101`, `size 5`, `stop 99`, `floor 2`, `gtd 5s`."""
    values = dict(zip(changes[::2], changes[1::2], strict=True))
    return AmendOrder(
        *head,
        to_price(values["price"]) if "price" in values else None,
        to_size(values["size"]) if "size" in values else None,
        to_price(values["stop"]) if "stop" in values else None,
        to_size(values["floor"]) if "floor" in values else None,
        now + to_duration(values["gtd"]) if "gtd" in values else None,
    )
