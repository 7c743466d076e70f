"""Order-book scripts: a scenario a reviewer reads without knowing the set-up.

    place  A1  ann  sell  5 @ 101          -> accepted, rests 5
    place  B1  cat  buy   7 @ 101 ioc      -> accepted, trade 5 @ 101 with A1, done canceled
    amend  A1  ann  size 4                 -> amended, keeps priority
    cancel A1  ann                         -> done canceled
    cancel_all ann                         -> done canceled A2, canceled 1
    status cancel_only                     -> status cancel_only
    book                                   -> bids - | asks 2 @ 101

Prices have one decimal place and the tick 0.5, sizes none and the lot 1. After every command the folded state, the
invariants and a restored snapshot are compared with the engine's own state.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from libs.book.fold import fold
from libs.book.invariants import check as check_invariants
from libs.book.ladder import Ladder
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from libs.events.commands import (
    AmendOrder,
    AnyCommand,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.decimals import to_integer, to_text
from libs.events.events import (
    AmendRejected,
    AnyEvent,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    DuplicateIgnored,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderRejected,
    OrderRested,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    TradeExecuted,
    TradingStatusChanged,
)
from libs.events.ids import key_digest, mint
from libs.events.values import NO_ID, OrderType, Side, TimeInForce, TradingStatus
from libs.matching import Engine

START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
PRICE_SCALE = 1
SIZE_SCALE = 0


@dataclass
class Venue:
    """An engine with one product, and a second state that only ever sees the events."""

    engine: Engine = field(default_factory=lambda: Engine(0))
    folded: PartitionState = field(default_factory=lambda: PartitionState(0))
    offset: int = -1
    now: int = START
    ids: dict[str, bytes] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self._apply(self.engine.adopt_rules())
        listed = self.send(listing(self.id_of("list")))[0]
        assert isinstance(listed, ProductListed)
        self.number = listed.number

    def id_of(self, name: str) -> bytes:
        if name not in self.ids:
            order_id = mint(self.now // MILLISECOND, len(self.ids) + 1, self.number)
            self.ids[name] = order_id
            self.names[order_id] = name
        return self.ids[name]

    def send(self, command: AnyCommand) -> list[AnyEvent]:
        self.offset += 1
        self.now += MILLISECOND
        events = self.engine.handle(command, self.offset, self.now)
        self._apply(events)
        return events

    def _apply(self, events: list[AnyEvent]) -> None:
        for event in events:
            fold(self.folded, event)
        assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
        expected = state_hash(self.engine.state)
        assert state_hash(self.folded) == expected
        assert state_hash(load(dump(self.engine.state))) == expected
        check_invariants(self.engine.state)

    def restart(self) -> None:
        """Go on from a snapshot."""
        self.engine = Engine(0, load(dump(self.engine.state)))


def listing(command_id: bytes, product_id: str = "TEST", **limits: int) -> ListProduct:
    return ListProduct(
        command_id,
        "op",
        0,
        NO_ID,
        "",
        0,
        START,
        0,
        None,
        product_id,
        "T",
        "USD",
        PRICE_SCALE,
        SIZE_SCALE,
        5,
        1,
        **limits,
    )


def check(script: str, venue: Venue | None = None) -> Venue:
    """Run a script line by line, from a fresh venue or on with one, and compare what each line says."""
    venue = venue or Venue()
    for line in script.strip().splitlines():
        said, _, expected = (part.strip() for part in line.partition("->"))
        if not said:
            continue
        found = show_book(venue) if said == "book" else show(venue, venue.send(parse(venue, said)))
        assert found == expected, f"\n{said}\n  expected {expected}\n  found    {found}"
    return venue


def parse(venue: Venue, said: str) -> AnyCommand:
    words = said.split()
    match words:
        case ["place", name, account, side, *rest]:
            return parse_place(venue, name, account, side, rest)
        case ["amend", name, account, *changes]:
            return parse_amend(venue, name, account, changes)
        case ["cancel", name, account]:
            return CancelOrder(*envelope(venue, account, venue.id_of(name)))
        case ["cancel_oid", client_oid, account]:
            return CancelOrder(*envelope(venue, account, NO_ID, client_oid))
        case ["cancel_all", account, *side]:
            return CancelAllOrders(*envelope(venue, account, NO_ID), Side[side[0].upper()] if side else None)
        case ["status", status]:
            return SetTradingStatus(*envelope(venue, "op", NO_ID), TradingStatus[status.upper()])
        case ["delist"]:
            return DelistProduct(*envelope(venue, "op", NO_ID))
        case ["update", *pairs]:
            rules = {name: int(value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
            return replace(UpdateProduct(*envelope(venue, "op", NO_ID)), **rules)
    raise AssertionError(f"cannot read {said!r}")


def envelope(
    venue: Venue, account: str, order_id: bytes, client_oid: str = "", key: int = 0, command_id: bytes = b""
) -> tuple[bytes, str, int, bytes, str, int, int, int, None]:
    command_id = command_id or venue.id_of(f"command {venue.offset + 1}")
    return command_id, account, venue.number, order_id, client_oid, key, venue.now, 0, None


def parse_place(venue: Venue, name: str, account: str, side: str, rest: list[str]) -> PlaceOrder:
    """`5 @ 101 [ioc|fok|post_only] [oid X]`, `5 @ market`, or `funds 700`."""
    words = list(rest)
    client_oid = ""
    if "oid" in words:
        at = words.index("oid")
        client_oid = words[at + 1]
        del words[at : at + 2]
    order_id = venue.id_of(name)
    key = key_digest(account, venue.number, client_oid) if client_oid else 0
    head = envelope(venue, account, order_id, client_oid, key, order_id)
    way = Side[side.upper()]
    if words[0] == "funds":
        return PlaceOrder(*head, way, OrderType.MARKET, 0, 0, to_integer(words[1], PRICE_SCALE + SIZE_SCALE))
    size = to_integer(words[0], SIZE_SCALE)
    if words[2] == "market":
        return PlaceOrder(*head, way, OrderType.MARKET, 0, size)
    flags = set(words[3:])
    force = TimeInForce.IOC if "ioc" in flags else TimeInForce.FOK if "fok" in flags else TimeInForce.GTC
    price = to_integer(words[2], PRICE_SCALE)
    return PlaceOrder(*head, way, OrderType.LIMIT, price, size, 0, force, "post_only" in flags)


def parse_amend(venue: Venue, name: str, account: str, changes: list[str]) -> AmendOrder:
    values = dict(zip(changes[::2], changes[1::2], strict=True))
    price = to_integer(values["price"], PRICE_SCALE) if "price" in values else None
    size = to_integer(values["size"], SIZE_SCALE) if "size" in values else None
    return AmendOrder(*envelope(venue, account, venue.id_of(name)), price, size)


def show(venue: Venue, events: list[AnyEvent]) -> str:
    actor = events[0]
    several = isinstance(actor, OrderDone) and len(events) > 1
    subject = NO_ID if several else getattr(actor, "order_id", NO_ID)
    return ", ".join(show_event(venue, event, subject) for event in events)


def show_event(venue: Venue, event: AnyEvent, subject: bytes) -> str:
    """What an event says, short; the order it is about only where it is not the command's own."""
    match event:
        case OrderAccepted():
            return "accepted"
        case OrderRejected() | AmendRejected() | CancelRejected() | CommandRejected():
            first = f" of {venue.names[event.first_order_id]}" if event.first_order_id else ""
            return f"rejected {event.reason.name.lower()}{first}"
        case OrderRested():
            return f"rests {to_text(event.remaining, SIZE_SCALE)}"
        case TradeExecuted():
            size, price = to_text(event.size, SIZE_SCALE), show_price(event.price)
            return f"trade {size} @ {price} with {venue.names[event.maker_order_id]}"
        case OrderAmended():
            return "amended, keeps priority" if event.kept_place else "amended, loses priority"
        case OrderDone():
            whose = "" if event.order_id == subject else f" {venue.names[event.order_id]}"
            return f"done {event.reason.name.lower()}{whose}"
    return show_other(event)


def show_other(event: AnyEvent) -> str:
    """What an event says that is about no single order."""
    match event:
        case CancelAllDone():
            return f"canceled {event.count}"
        case DuplicateIgnored():
            return "duplicate ignored"
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


def show_book(venue: Venue) -> str:
    book = venue.engine.state.products[venue.number]
    return f"bids {show_side(book.bids)} | asks {show_side(book.asks)}"


def show_side(ladder: Ladder) -> str:
    return ", ".join(f"{to_text(level.volume, SIZE_SCALE)} @ {show_price(level.price)}" for level in ladder) or "-"
