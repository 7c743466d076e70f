"""Streams of commands for properties: mostly sensible ones around a narrow price range, so that books trade a lot."""

from hypothesis import strategies as st

from libs.events.commands import (
    AmendOrder,
    AnyCommand,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.ids import key_digest, mint
from libs.events.values import NO_ID, OrderType, Side, TimeInForce, TradingStatus

START = 1_700_000_000_000_000_000
ACCOUNTS = ("ann", "bob", "cat")

integers = st.one_of(st.integers(1, 12), st.integers(-3, 2**62), st.just(2**64 - 1))
mostly_online = st.sampled_from((*[TradingStatus.ONLINE] * 5, *TradingStatus))


@st.composite
def commands(draw: st.DrawFn, index: int, number: int) -> AnyCommand:
    """The command at `index` of a stream. It names orders of the stream, earlier, later, or its own."""
    account = draw(st.sampled_from(ACCOUNTS))
    command_id = order_id(draw(st.integers(0, index)) if draw(st.integers(0, 30)) == 0 else index, number)
    named = order_id(draw(st.integers(max(0, index - 12), index + 1)), number)
    client_oid = draw(st.sampled_from(("", "", "", "x", "y")))
    target = number if draw(st.integers(0, 30)) else draw(st.sampled_from((0, 7, number + 256)))
    key = key_digest(account, target, client_oid) if client_oid else 0
    sent = START + index * 1_000_000
    kind = draw(st.integers(0, 24))
    if kind < 15:
        return draw(places((command_id, account, target, command_id, client_oid, key, sent, 0, None)))
    head = (command_id, account, target, named, "", 0, sent, 0, None)
    unnamed = (command_id, account, target, NO_ID, client_oid, 0, sent, 0, None)
    if kind < 18:
        return AmendOrder(*head, *draw(st.tuples(st.none() | integers, st.none() | integers)))
    if kind < 20:
        return CancelOrder(*head)
    if kind == 20:
        return CancelOrder(*unnamed)
    if kind == 21:
        return CancelAllOrders(*unnamed, draw(st.none() | st.sampled_from(Side)))
    if kind == 22:
        return SetTradingStatus(*unnamed, draw(mostly_online))
    if kind == 23 and draw(st.integers(0, 5)) == 0:
        return DelistProduct(*unnamed)
    return UpdateProduct(*unnamed, draw(st.none() | st.sampled_from((0, 1, 2))))


@st.composite
def places(draw: st.DrawFn, head: tuple[bytes, str, int, bytes, str, int, int, int, None]) -> PlaceOrder:
    side = draw(st.sampled_from(Side))
    if draw(st.integers(0, 5)) == 0:
        by_funds = draw(st.booleans())
        amount = draw(integers)
        return PlaceOrder(
            *head, side, OrderType.MARKET, 0, 0 if by_funds else amount, min(amount * 20, 2**64 - 1) if by_funds else 0
        )
    price = draw(st.one_of(st.integers(95, 105), st.integers(95, 105), integers))
    force = draw(st.sampled_from((TimeInForce.GTC, TimeInForce.GTC, *TimeInForce)))
    post_only = draw(st.integers(0, 6)) == 0
    return PlaceOrder(*head, side, OrderType.LIMIT, price, draw(integers), 0, force, post_only)


def order_id(index: int, number: int) -> bytes:
    return mint(START // 1_000_000, index, number)


@st.composite
def streams(draw: st.DrawFn, number: int = 256, longest: int = 60) -> list[AnyCommand]:
    length = draw(st.integers(1, longest))
    return [draw(commands(index, number)) for index in range(length)]
