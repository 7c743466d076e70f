"""Batches: a result an item, in order, and no item stops another."""

from libs.events.commands import AmendOrder, CancelOrder, PlaceOrder
from tests.unit.order_api.exchange import OPERATOR, ORDER, Exchange, problem, with_exchange

PLACE = ORDER | {"op": "place"}


def test_results_come_in_order_and_one_bad_item_stops_no_other() -> None:
    async def scenario(exchange: Exchange) -> None:
        items = [
            PLACE | {"client_oid": "a"},
            PLACE | {"price": 1},
            {"op": "amend", "client_oid": "a", "product_id": "BTC-USD", "size": "2"},
            {"op": "nothing"},
            {"op": "cancel", "client_oid": "a", "product_id": "BTC-USD"},
            7,
            PLACE | {"product_id": "ETH-USD", "size": "0.00001"},
            PLACE | {"product_id": "ETH-USD"},
        ]
        answer = await exchange.ask("POST", "/orders/batch", {"orders": items})
        assert (answer.status_code, answer.headers["outcry-position"]) == (200, "1:2,2:0")
        results = [(each["status"], each.get("code"), each.get("field")) for each in answer.json()["results"]]
        assert results == [
            (202, None, None),
            (400, "wrong_type", "price"),
            (202, None, None),
            (400, "invalid_value", "op"),
            (202, None, None),
            (400, "not_an_object", None),
            (400, "too_many_decimals", "size"),
            (202, None, None),
        ]
        kinds = [type(command) for command in await exchange.commands()]
        assert kinds == [PlaceOrder, AmendOrder, CancelOrder, PlaceOrder]

    with_exchange(scenario)


def test_how_an_item_names_its_order() -> None:
    async def scenario(exchange: Exchange) -> None:
        first = (await exchange.ask("POST", "/orders", ORDER)).json()["id"]
        items = [
            {"op": "cancel"},
            {"op": "cancel", "client_oid": "a"},
            {"op": "cancel", "client_oid": "a", "order_id": first},
            {"op": "cancel", "order_id": "first"},
            {"op": "cancel", "order_id": first, "product_id": "ETH-USD"},
            {"op": "cancel", "order_id": first, "product_id": "BTC-USD"},
            {"op": "amend", "order_id": first, "price": "100.10"},
            {"op": "amend", "order_id": first},
            {"op": "cancel", "client_oid": "a", "product_id": "SOL-USD"},
        ]
        answer = await exchange.ask("POST", "/orders/batch", {"orders": items})
        results = [(each["status"], each.get("code"), each.get("field")) for each in answer.json()["results"]]
        assert results == [
            (400, "order_name", "order_id"),
            (400, "order_name", "product_id"),
            (400, "order_name", "client_oid"),
            (400, "invalid_id", "order_id"),
            (404, "order_not_found", "order_id"),
            (202, None, None),
            (202, None, None),
            (400, "nothing_to_change", None),
            (404, "product_not_found", "product_id"),
        ]

    with_exchange(scenario)


def test_what_is_no_batch() -> None:
    async def scenario(exchange: Exchange) -> None:
        for body, expected in (
            ({}, (400, "missing_field", "orders")),
            ({"orders": []}, (400, "empty_batch", "orders")),
            ({"orders": {}}, (400, "wrong_type", "orders")),
            ({"orders": [PLACE] * 501}, (400, "batch_too_large", "orders")),
            ({"orders": [7] * 501}, (400, "batch_too_large", "orders")),
            ({"orders": [PLACE], "atomic": True}, (400, "unknown_field", "atomic")),
            (b'{"orders":[{]}', (400, "malformed_json", None)),
            (b" " * 2_000_000, (413, "body_too_large", None)),
        ):
            assert problem(await exchange.ask("POST", "/orders/batch", body)) == expected
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_an_operator_acts_for_many_accounts() -> None:
    async def scenario(exchange: Exchange) -> None:
        items = [PLACE | {"account": "ann"}, PLACE | {"account": "bob"}, PLACE, PLACE | {"account": "a b"}]
        answer = await exchange.ask("POST", "/orders/batch", {"orders": items}, **OPERATOR)
        assert [each["status"] for each in answer.json()["results"]] == [202, 202, 202, 400]
        assert [command.account for command in await exchange.commands()] == ["ann", "bob", "demo"]

    with_exchange(scenario)


def test_nobody_else_does() -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("POST", "/orders/batch", {"orders": [PLACE | {"account": "ann"}]})
        (result,) = answer.json()["results"]
        assert (result["status"], result["code"], result["field"]) == (403, "operator_only", "account")
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_a_key_of_a_batch_is_one_an_item() -> None:
    async def scenario(exchange: Exchange) -> None:
        cancel = {"op": "cancel", "client_oid": "x", "product_id": "BTC-USD"}
        body = {"orders": [PLACE, PLACE | {"client_oid": "c"}, cancel]}
        first = await exchange.ask("POST", "/orders/batch", body, Idempotency_Key="k")
        again = await exchange.ask("POST", "/orders/batch", body, Idempotency_Key="k")
        assert all("replayed" not in each for each in first.json()["results"])
        results = again.json()["results"]
        assert all(each.pop("replayed") for each in results)
        assert results == first.json()["results"]
        assert again.headers["outcry-position"] == first.headers["outcry-position"]
        assert len(await exchange.commands()) == 3

    with_exchange(scenario)


def test_the_same_client_oid_twice_in_a_batch() -> None:
    async def scenario(exchange: Exchange) -> None:
        body = {"orders": [PLACE | {"client_oid": "a"}, PLACE | {"client_oid": "a"}]}
        answer = await exchange.ask("POST", "/orders/batch", body)
        assert [(each["status"], each.get("code")) for each in answer.json()["results"]] == [
            (202, None),
            (409, "request_in_flight"),
        ]
        assert len(await exchange.commands()) == 1

    with_exchange(scenario)
