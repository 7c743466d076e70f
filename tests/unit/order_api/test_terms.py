"""Stops, icebergs, expiry and self-trade prevention: what stands in the log, and what is refused with its field."""

from collections.abc import Mapping

import pytest

from libs.events.commands import AmendOrder, ArmCancelAllAfter, PlaceOrder
from libs.events.values import NO_ID, OrderType, SelfTradePrevention, TimeInForce
from libs.service.times import DAY, HOUR, MINUTE, SECOND, NotATime, parse
from tests.unit.order_api.exchange import BTC, ORDER, Exchange, problem, with_exchange

NOON = 1_782_907_200 * SECOND
"""2026-07-01T12:00:00Z; the clock of these tests stands long before."""
MARKET = {"product_id": "BTC-USD", "side": "sell", "type": "market", "size": "0.1"}
GTD = {"time_in_force": "GTD", "expire_time": "2026-07-01T12:00:00Z"}


async def placed(exchange: Exchange, body: Mapping[str, object]) -> PlaceOrder:
    answer = await exchange.ask("POST", "/orders", body)
    assert answer.status_code == 202, answer.text
    command = (await exchange.commands())[-1]
    assert isinstance(command, PlaceOrder)
    return command


@pytest.mark.parametrize(
    ("body", "type_", "price"),
    [
        (ORDER | {"type": "stop_limit", "stop_price": "99.05"}, OrderType.LIMIT, 10_005),
        (ORDER | {"stop": "entry", "stop_price": "99.05"}, OrderType.LIMIT, 10_005),
        (ORDER | {"stop_price": "99.05"}, OrderType.LIMIT, 10_005),
        (MARKET | {"type": "stop", "stop_price": "99.05"}, OrderType.MARKET, 0),
        (MARKET | {"stop": "loss", "stop_price": "99.05"}, OrderType.MARKET, 0),
    ],
)
def test_a_stop(body: dict[str, object], type_: OrderType, price: int) -> None:
    async def scenario(exchange: Exchange) -> None:
        command = await placed(exchange, body)
        assert (command.type, command.price, command.stop_price) == (type_, price, 9_905)
        assert (command.time_in_force, command.stp) == (TimeInForce.GTC, SelfTradePrevention.DC)

    with_exchange(scenario)


def test_an_iceberg_with_an_end_and_its_own_prevention() -> None:
    async def scenario(exchange: Exchange) -> None:
        command = await placed(exchange, ORDER | GTD | {"max_floor": "0.05", "stp": "cb", "post_only": True})
        assert (command.max_floor, command.stp, command.post_only) == (5_000_000, SelfTradePrevention.CB, True)
        assert (command.time_in_force, command.expire_time) == (TimeInForce.GTD, NOON)

    with_exchange(scenario)


@pytest.mark.parametrize(("after", "duration"), [("min", MINUTE), ("hour", HOUR), ("day", DAY)])
def test_cancel_after_counts_from_the_request_and_a_repeat_is_one(after: str, duration: int) -> None:
    async def scenario(exchange: Exchange) -> None:
        body = ORDER | {"time_in_force": "GTT", "cancel_after": after, "client_oid": "a"}
        command = await placed(exchange, body)
        assert (command.time_in_force, command.expire_time) == (TimeInForce.GTD, command.sent + duration)
        repeat = await exchange.ask("POST", "/orders", body)
        assert (repeat.status_code, repeat.headers["idempotency-replayed"]) == (202, "true")
        for other in ({"cancel_after": "day" if after == "min" else "min"}, {"cancel_after": None} | GTD):
            answer = await exchange.ask("POST", "/orders", body | other)
            assert problem(answer) == (422, "idempotency_mismatch", "expire_time")
        assert len(await exchange.commands()) == 1

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (ORDER | {"type": "stop_limit"}, "missing_field", "stop_price"),
        (ORDER | {"stop": "entry"}, "missing_field", "stop_price"),
        (MARKET | {"type": "stop"}, "missing_field", "stop_price"),
        (MARKET | {"type": "stop", "stop_price": "9", "price": "9"}, "price_not_allowed", "price"),
        (MARKET | {"type": "stop_limit", "stop_price": "9"}, "missing_field", "price"),
        (ORDER | {"stop": "loss", "stop_price": "9"}, "stop_side", "stop"),
        (MARKET | {"stop": "entry", "stop_price": "9"}, "stop_side", "stop"),
        (ORDER | {"stop": "none", "stop_price": "9"}, "invalid_value", "stop"),
        (ORDER | {"stop_price": "0"}, "not_positive", "stop_price"),
        (ORDER | {"stop_price": "9.01"}, "off_tick", "stop_price"),
        (ORDER | {"stop_price": 9}, "wrong_type", "stop_price"),
        (ORDER | {"stop_price": "9", "post_only": True}, "post_only_not_allowed", "post_only"),
        (ORDER | {"stp": "xx"}, "invalid_value", "stp"),
        (ORDER | {"max_floor": "0"}, "not_positive", "max_floor"),
        (ORDER | {"max_floor": "0.00000001"}, "off_lot", "max_floor"),
        (ORDER | {"max_floor": "1", "time_in_force": "FOK"}, "max_floor_not_allowed", "max_floor"),
        (ORDER | {"max_floor": "0.00099", "size": "1"}, "invalid_max_floor", "max_floor"),
        (MARKET | {"max_floor": "1"}, "max_floor_not_allowed", "max_floor"),
        (ORDER | {"time_in_force": "GTD"}, "missing_field", "expire_time"),
        (ORDER | GTD | {"time_in_force": "GTC"}, "expiry_not_allowed", "expire_time"),
        (ORDER | {"cancel_after": "min"}, "expiry_not_allowed", "cancel_after"),
        (ORDER | GTD | {"cancel_after": "min"}, "expiry_not_allowed", "cancel_after"),
        (ORDER | GTD | {"cancel_after": "week"}, "invalid_value", "cancel_after"),
        (ORDER | GTD | {"expire_time": 1_782_907_200}, "wrong_type", "expire_time"),
        (ORDER | GTD | {"expire_time": "1782907200"}, "invalid_expire_time", "expire_time"),
        (ORDER | GTD | {"expire_time": "2020-01-01T00:00:00Z"}, "invalid_expire_time", "expire_time"),
        (ORDER | GTD | {"expire_time": "2117-01-01T00:00:00Z"}, "invalid_expire_time", "expire_time"),
        (MARKET | GTD, "time_in_force_not_allowed", "time_in_force"),
    ],
)
def test_what_makes_no_sense_is_named(body: dict[str, object], code: str, field: str) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask("POST", "/orders", body)) == (400, code, field)
        item = await exchange.ask("POST", "/orders/batch", {"orders": [body | {"op": "place"}]})
        (result,) = item.json()["results"]
        assert (result["status"], result["code"], result["field"]) == (400, code, field)
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_every_field_of_an_amendment() -> None:
    async def scenario(exchange: Exchange) -> None:
        path = "/orders/client:a?product_id=BTC-USD"
        body = {"stop_price": "7.05", "max_floor": "0", "expire_time": "2026-07-01T12:00:00Z"}
        assert (await exchange.ask("PATCH", path, body)).status_code == 202
        item = {"op": "amend", "client_oid": "a", "product_id": "BTC-USD", "max_floor": "0.1"}
        await exchange.ask("POST", "/orders/batch", {"orders": [item]})
        first, second = await exchange.commands()
        assert isinstance(first, AmendOrder)
        assert isinstance(second, AmendOrder)
        assert (first.price, first.size) == (None, None)
        assert (first.stop_price, first.max_floor, first.expire_time) == (705, 0, NOON)
        assert (second.stop_price, second.max_floor, second.expire_time) == (None, 10_000_000, None)

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"stop_price": "0"}, "not_positive", "stop_price"),
        ({"stop_price": "0.01"}, "off_tick", "stop_price"),
        ({"max_floor": "-1"}, "invalid_decimal", "max_floor"),
        ({"max_floor": "0.00099", "size": "1"}, "invalid_max_floor", "max_floor"),
        ({"expire_time": "tomorrow"}, "invalid_expire_time", "expire_time"),
        ({"time_in_force": "GTC"}, "unknown_field", "time_in_force"),
        ({"stp": "cn"}, "unknown_field", "stp"),
        ({"stop_price": None}, "nothing_to_change", None),
    ],
)
def test_an_amendment_that_is_none(body: dict[str, object], code: str, field: str | None) -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("PATCH", "/orders/client:a?product_id=BTC-USD", body)
        assert problem(answer) == (400, code, field)
        assert await exchange.commands() == []

    with_exchange(scenario)


@pytest.mark.parametrize("seconds", [0, 5, 86_400])
def test_cancel_all_after(seconds: int) -> None:
    async def scenario(exchange: Exchange) -> None:
        body = {"product_id": "BTC-USD", "timeout": seconds}
        answer = await exchange.ask("POST", "/cancel-all-after", body, Outcry_Account="ann", Idempotency_Key="k")
        assert (answer.status_code, answer.headers["outcry-position"]) == (202, "1:0")
        assert answer.json()["product_id"] == "BTC-USD"
        (command,) = await exchange.commands()
        assert isinstance(command, ArmCancelAllAfter)
        assert (command.account, command.number, command.order_id) == ("ann", BTC.number, NO_ID)
        assert command.timeout == seconds * SECOND
        again = await exchange.ask("POST", "/cancel-all-after", body, Outcry_Account="ann", Idempotency_Key="k")
        assert again.headers["idempotency-replayed"] == "true"
        other = body | {"timeout": 7}
        answer = await exchange.ask("POST", "/cancel-all-after", other, Outcry_Account="ann", Idempotency_Key="k")
        assert problem(answer) == (422, "idempotency_mismatch", "timeout")

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("POST", {"product_id": "BTC-USD"}, (400, "missing_field", "timeout")),
        ("POST", {"timeout": 5}, (400, "missing_field", "product_id")),
        ("POST", {"product_id": "BTC-USD", "timeout": -1}, (400, "invalid_timeout", "timeout")),
        ("POST", {"product_id": "BTC-USD", "timeout": 86_401}, (400, "invalid_timeout", "timeout")),
        ("POST", {"product_id": "BTC-USD", "timeout": 2**80}, (400, "invalid_timeout", "timeout")),
        ("POST", {"product_id": "BTC-USD", "timeout": 1.5}, (400, "wrong_type", "timeout")),
        ("POST", {"product_id": "BTC-USD", "timeout": "5"}, (400, "wrong_type", "timeout")),
        ("POST", {"product_id": "BTC-USD", "timeout": True}, (400, "wrong_type", "timeout")),
        ("POST", {"product_id": "NO-USD", "timeout": 5}, (404, "product_not_found", "product_id")),
        ("PUT", {"product_id": "BTC-USD", "timeout": 5}, (405, "method_not_allowed", None)),
    ],
)
def test_a_switch_that_is_none(method: str, body: object, expected: tuple[int, str, str | None]) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask(method, "/cancel-all-after", body)) == expected
        assert await exchange.commands() == []

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-07-01T12:00:00Z", NOON),
        ("2026-07-01T14:00:00.000000001+02:00", NOON + 1),
        ("2026-07-01t11:30:00.5-00:30", NOON + SECOND // 2),
        ("0001-01-01T00:00:00Z", -62_135_596_800 * SECOND),
    ],
)
def test_times_are_exact(text: str, time: int) -> None:
    assert parse(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-07-01", "2026-07-01T12:00:00", "2026-07-01 12:00:00Z", "2026-07-01T12:00:00.Z", "2026-02-30T12:00:00Z",
        "2026-07-01T12:00:00.0000000001Z", "2026-07-01T25:00:00Z", "2026-07-01T12:00:60Z", "2026-07-01T12:00:00+25:00",
        "٢٠٢٦-07-01T12:00:00Z", "0001-01-01T00:00:00+01:00x",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(NotATime):
        parse(text)
