"""Single orders: what is accepted stands in the log as it was asked for, what is refused does not."""

import asyncio

import pytest

from libs.events import ids
from libs.events.commands import AmendOrder, CancelAllOrders, CancelOrder, PlaceOrder
from libs.events.values import NO_ID, OrderType, Side, TimeInForce
from tests.unit.order_api.exchange import BTC, ETH, ORDER, Exchange, problem, with_exchange

ORDER_ID = ids.text(ids.mint(1_700_000_000_000, 5, BTC.number))


def test_a_limit_order() -> None:
    async def scenario(exchange: Exchange) -> None:
        wish = ORDER | {"client_oid": "a-1", "time_in_force": "GTC", "post_only": True}
        answer = await exchange.ask("POST", "/orders", wish, Outcry_Account="ann")
        assert (answer.status_code, answer.headers["outcry-position"]) == (202, "1:0")
        (command,) = await exchange.commands()
        assert isinstance(command, PlaceOrder)
        assert (command.account, command.number, command.client_oid) == ("ann", 257, "a-1")
        assert (command.side, command.type, command.price, command.size) == (Side.BUY, OrderType.LIMIT, 10005, 10**7)
        assert (command.funds, command.time_in_force, command.post_only) == (0, TimeInForce.GTC, True)
        assert command.key == ids.key_digest("ann", 257, "a-1")
        assert command.order_id == command.command_id == ids.parse(answer.json()["order_id"])
        assert ids.number_of(command.order_id) == 257
        assert answer.json()["id"] == answer.json()["command_id"]

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("change", "size", "funds"), [({"size": "0.5"}, 50_000_000, 0), ({"funds": "12.0000000001"}, 0, 120_000_000_001)]
)
def test_a_market_order(change: dict[str, str], size: int, funds: int) -> None:
    async def scenario(exchange: Exchange) -> None:
        wish = {"product_id": "BTC-USD", "side": "sell", "type": "market"} | change
        assert (await exchange.ask("POST", "/orders", wish)).status_code == 202
        (command,) = await exchange.commands()
        assert isinstance(command, PlaceOrder)
        assert (command.account, command.type, command.key) == ("demo", OrderType.MARKET, 0)
        assert (command.price, command.size, command.funds) == (0, size, funds)

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"price": "100.051"}, "too_many_decimals", "price"),
        ({"price": "100.01"}, "off_tick", "price"),
        ({"price": "NaN"}, "invalid_decimal", "price"),
        ({"price": "-1"}, "invalid_decimal", "price"),
        ({"price": "1e3"}, "invalid_decimal", "price"),
        ({"price": "0"}, "not_positive", "price"),
        ({"price": "9" * 40}, "too_large", "price"),
        ({"price": "9" * 41}, "invalid_decimal", "price"),
        ({"price": ""}, "invalid_decimal", "price"),
        ({"price": "1٠"}, "invalid_decimal", "price"),
        ({"price": 100.05}, "wrong_type", "price"),
        ({"price": None}, "missing_field", "price"),
        ({"size": None}, "missing_field", "size"),
        ({"size": 1}, "wrong_type", "size"),
        ({"size": "0.00000001"}, "off_lot", "size"),
        ({"size": "0"}, "not_positive", "size"),
        ({"funds": "5"}, "funds_not_allowed", "funds"),
        ({"side": "BUY"}, "invalid_value", "side"),
        ({"side": 1}, "wrong_type", "side"),
        ({"type": "trailing"}, "invalid_value", "type"),
        ({"time_in_force": "DAY"}, "invalid_value", "time_in_force"),
        ({"time_in_force": "IOC", "post_only": True}, "post_only_not_allowed", "post_only"),
        ({"post_only": "yes"}, "wrong_type", "post_only"),
        ({"stop_limit_price": "1"}, "unknown_field", "stop_limit_price"),
        ({"client_oid": ""}, "invalid_client_oid", "client_oid"),
        ({"client_oid": 'a"b'}, "invalid_client_oid", "client_oid"),
        ({"client_oid": "a" * 65}, "invalid_client_oid", "client_oid"),
        ({"client_oid": "ä"}, "invalid_client_oid", "client_oid"),
        ({"type": "market"}, "price_not_allowed", "price"),
        ({"type": "market", "price": None, "funds": "1"}, "size_or_funds", "funds"),
        ({"type": "market", "price": None, "size": None}, "size_or_funds", "size"),
        ({"type": "market", "price": None, "post_only": True}, "post_only_not_allowed", "post_only"),
        ({"type": "market", "price": None, "time_in_force": "IOC"}, "time_in_force_not_allowed", "time_in_force"),
    ],
)
def test_a_field_that_is_wrong_is_named(change: dict[str, object], code: str, field: str) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask("POST", "/orders", ORDER | change)) == (400, code, field)
        assert await exchange.commands() == []

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body_required", None),
        (b"{", "malformed_json", None),
        (b"[" * 100_000, "body_too_large", None),
        (b"[" * 60_000, "not_an_object", None),
        (b"null", "not_an_object", None),
        (b"\xff\xfe", "malformed_json", None),
        (b'{"side":"\xff"}', "malformed_json", None),
        (b"{}", "missing_field", "product_id"),
        (b'{"product_id":"BTC-USD","side":"buy","price":NaN}', "malformed_json", None),
        (b'{"\\ud800":1}', "malformed_json", None),
        (b" " * 10_000_000, "body_too_large", None),
    ],
)
def test_a_body_that_is_none(body: bytes, code: str, field: str | None) -> None:
    async def scenario(exchange: Exchange) -> None:
        status = 413 if code == "body_too_large" else 400
        assert problem(await exchange.ask("POST", "/orders", body)) == (status, code, field)
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_an_unknown_product_is_waited_for() -> None:
    async def scenario(exchange: Exchange) -> None:
        wish = ORDER | {"product_id": "SOL-USD"}
        asked = asyncio.create_task(exchange.ask("POST", "/orders", wish))
        while exchange.api.desk.registry.waiting == 0:
            await asyncio.sleep(0)
        late = BTC.__class__("SOL-USD", 259, 3, "SOL", "USD", 2, 8, 5, 1_000, BTC.status)
        await exchange.register(late)
        assert (await asked).status_code == 202

    with_exchange(scenario, product_wait_ms=30_000)


def test_an_unknown_product_is_not_found() -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("POST", "/orders", ORDER | {"product_id": "SOL-USD"})
        assert problem(answer) == (404, "product_not_found", "product_id")
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_amend_and_cancel_by_id() -> None:
    async def scenario(exchange: Exchange) -> None:
        placed = (await exchange.ask("POST", "/orders", ORDER)).json()["id"]
        assert (await exchange.ask("PATCH", f"/orders/{placed}", {"size": "0.2"})).status_code == 202
        assert (await exchange.ask("DELETE", f"/orders/{placed}")).status_code == 202
        _, amend, cancel = await exchange.commands()
        assert isinstance(amend, AmendOrder)
        assert (ids.text(amend.order_id), amend.price, amend.size) == (placed, None, 20_000_000)
        assert isinstance(cancel, CancelOrder)
        assert ids.text(cancel.order_id) == placed
        assert cancel.command_id != cancel.order_id

    with_exchange(scenario)


def test_a_cancel_may_name_its_product_in_the_body() -> None:
    """As CCXT does: what stands there must not be passed over, or one product's cancel all would be every product's."""

    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("DELETE", "/orders", {"product_id": "ETH-USD"})
        assert answer.status_code == 202
        assert (await exchange.ask("DELETE", "/orders/client:a", {"product_id": "ETH-USD"})).status_code == 202
        every, one = await exchange.commands()
        assert isinstance(every, CancelAllOrders)
        assert isinstance(one, CancelOrder)
        assert (every.number, one.number, one.client_oid) == (ETH.number, ETH.number, "a")

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/orders", {"product": "ETH-USD"}, (400, "invalid_parameter", "product")),
        ("/orders?product_id=BTC-USD", {"product_id": "ETH-USD"}, (400, "invalid_parameter", "product_id")),
        ("/orders", b"{", (400, "malformed_json", None)),
    ],
)
def test_a_cancel_whose_body_makes_no_sense_cancels_nothing(
    path: str, body: object, expected: tuple[int, str, str | None]
) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask("DELETE", path, body)) == expected
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_amend_and_cancel_by_client_oid() -> None:
    async def scenario(exchange: Exchange) -> None:
        path = "/orders/client:a%2F1?product_id=ETH-USD"
        assert (await exchange.ask("PATCH", path, {"price": "7.01"})).json()["client_oid"] == "a/1"
        assert (await exchange.ask("DELETE", path)).headers["outcry-position"] == "2:1"
        amend, cancel = await exchange.commands()
        assert (amend.order_id, amend.client_oid, amend.number) == (NO_ID, "a/1", ETH.number)
        assert (cancel.order_id, cancel.client_oid, cancel.number) == (NO_ID, "a/1", ETH.number)

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("PATCH", f"/orders/{ORDER_ID}", {"size": "0"}, (400, "not_positive", "size")),
        ("PATCH", f"/orders/{ORDER_ID}", {}, (400, "nothing_to_change", None)),
        ("PATCH", f"/orders/{ORDER_ID}", {"side": "buy"}, (400, "unknown_field", "side")),
        ("PATCH", f"/orders/{ORDER_ID}?product_id=ETH-USD", {"size": "1"}, (404, "order_not_found", "order_id")),
        ("PATCH", "/orders/client:a", {"size": "1"}, (400, "order_name", "product_id")),
        ("DELETE", "/orders/client:?product_id=BTC-USD", None, (400, "invalid_client_oid", "client_oid")),
        ("DELETE", "/orders/client:a?product_id=SOL-USD", None, (404, "product_not_found", "product_id")),
        ("DELETE", "/orders/7", None, (400, "invalid_id", "order_id")),
        ("DELETE", "/orders/", None, (400, "invalid_id", "order_id")),
        ("DELETE", f"/orders/{ORDER_ID[:-1]}g", None, (400, "invalid_id", "order_id")),
        ("DELETE", "/orders/" + "f" * 32, None, (404, "order_not_found", "order_id")),
        ("DELETE", "/orders?side=up", None, (400, "invalid_parameter", "side")),
        ("DELETE", "/orders?product=BTC-USD", None, (400, "invalid_parameter", "product")),
        ("POST", "/orders?x=1", ORDER, (400, "invalid_parameter", "x")),
        ("GET", "/orders", None, (405, "method_not_allowed", None)),
        ("PUT", f"/orders/{ORDER_ID}", None, (405, "method_not_allowed", None)),
        ("PUT", "/products/BTC-USD", None, (405, "method_not_allowed", None)),
        ("GET", "/nothing", None, (404, "not_found", None)),
    ],
)
def test_what_is_refused(method: str, path: str, body: object, expected: tuple[int, str, str | None]) -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask(method, path, body)
        assert problem(answer) == expected
        if answer.status_code == 405:
            assert answer.headers["allow"]
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_another_accounts_order() -> None:
    async def scenario(exchange: Exchange) -> None:
        placed = (await exchange.ask("POST", "/orders", ORDER, Outcry_Account="ann")).json()["id"]
        for method, body in (("PATCH", {"size": "1"}), ("DELETE", None)):
            answer = await exchange.ask(method, f"/orders/{placed}", body, Outcry_Account="bob")
            assert problem(answer) == (404, "order_not_found", "order_id")
        assert len(await exchange.commands()) == 1

    with_exchange(scenario)


def test_cancel_all_in_a_product() -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("DELETE", "/orders?product_id=ETH-USD&side=sell")
        assert (answer.status_code, answer.headers["outcry-position"]) == (202, "2:0")
        (command,) = await exchange.commands()
        assert isinstance(command, CancelAllOrders)
        assert (command.number, command.side) == (ETH.number, Side.SELL)

    with_exchange(scenario)


def test_cancel_all_everywhere_has_a_result_a_product() -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("DELETE", "/orders")
        assert answer.headers["outcry-position"] == "1:0,2:0"
        results = [(each["status"], each["product_id"], each["position"]) for each in answer.json()["results"]]
        assert results == [(202, "BTC-USD", "1:0"), (202, "ETH-USD", "2:0")]

    with_exchange(scenario)


def test_who_asks_is_checked() -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("POST", "/orders", ORDER, Outcry_Account="a b")
        assert problem(answer) == (400, "invalid_account", "Outcry-Account")
        answer = await exchange.ask("POST", "/orders", ORDER, Idempotency_Key="a b")
        assert problem(answer) == (400, "invalid_idempotency_key", "Idempotency-Key")
        assert await exchange.commands() == []

    with_exchange(scenario)
