"""The same request again, and what happens when the log or the store of repeats is away."""

import asyncio

import pytest

from libs.events import codec
from libs.events.topics import ORDERS
from libs.kafka.failures import NotPublished, PublishUnknown
from libs.kafka.memory import Point
from libs.kafka.ports import Ack
from services.order_api.idempotency import record
from tests.unit.order_api.exchange import ORDER, PENDING_MS, Exchange, problem, with_exchange

NAMED = ORDER | {"client_oid": "a"}


def test_the_first_answer_again() -> None:
    async def scenario(exchange: Exchange) -> None:
        first = await exchange.ask("POST", "/orders", NAMED)
        again = await exchange.ask("POST", "/orders", NAMED | {"price": "100.050", "post_only": False})
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["outcry-position"] == first.headers["outcry-position"]
        assert len(await exchange.commands()) == 1

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": "100.10"}, "price"),
        ({"size": "0.2"}, "size"),
        ({"side": "sell"}, "side"),
        ({"time_in_force": "IOC"}, "time_in_force"),
        ({"type": "market", "price": None}, "type"),
    ],
)
def test_another_body_is_refused_by_field(change: dict[str, object], field: str) -> None:
    async def scenario(exchange: Exchange) -> None:
        await exchange.ask("POST", "/orders", NAMED)
        answer = await exchange.ask("POST", "/orders", NAMED | change)
        assert problem(answer) == (422, "idempotency_mismatch", field)
        assert len(await exchange.commands()) == 1

    with_exchange(scenario)


def test_a_key_belongs_to_an_account_and_a_product() -> None:
    async def scenario(exchange: Exchange) -> None:
        for account, product_id in (("ann", "BTC-USD"), ("bob", "BTC-USD"), ("ann", "ETH-USD")):
            wish = NAMED | {"product_id": product_id}
            answer = await exchange.ask("POST", "/orders", wish, Outcry_Account=account)
            assert "idempotency-replayed" not in answer.headers
        assert len(await exchange.commands()) == 3

    with_exchange(scenario)


def test_the_header_where_there_is_no_client_oid() -> None:
    async def scenario(exchange: Exchange) -> None:
        order = (await exchange.ask("POST", "/orders", ORDER, Idempotency_Key="k")).json()["id"]
        again = await exchange.ask("POST", "/orders", ORDER, Idempotency_Key="k")
        assert again.headers["idempotency-replayed"] == "true"
        path = f"/orders/{order}"
        first = await exchange.ask("PATCH", path, {"size": "1"}, Idempotency_Key="k2")
        assert (await exchange.ask("PATCH", path, {"size": "1"}, Idempotency_Key="k2")).content == first.content
        answer = await exchange.ask("PATCH", path, {"size": "2"}, Idempotency_Key="k2")
        assert problem(answer) == (422, "idempotency_mismatch", "size")
        answer = await exchange.ask("DELETE", path, Idempotency_Key="k2")
        assert problem(answer) == (422, "idempotency_mismatch", "op")
        assert len(await exchange.commands()) == 2

    with_exchange(scenario)


def test_without_a_key_every_request_is_new() -> None:
    async def scenario(exchange: Exchange) -> None:
        for _ in range(2):
            assert (await exchange.ask("POST", "/orders", ORDER)).status_code == 202
        first, second = await exchange.commands()
        assert (first.key, second.key) == (0, 0)
        assert first.order_id != second.order_id

    with_exchange(scenario)


def test_in_flight() -> None:
    async def scenario(exchange: Exchange) -> None:
        released = exchange.faults.hold(Point.PUBLISH, ORDERS)
        first = asyncio.create_task(exchange.ask("POST", "/orders", NAMED))
        while not exchange.store.records:
            await asyncio.sleep(0)
        answer = await exchange.ask("POST", "/orders", NAMED)
        assert problem(answer) == (409, "request_in_flight", None)
        assert answer.json()["retryable"]
        released.set()
        assert (await first).status_code == 202

    with_exchange(scenario)


def test_what_was_certainly_not_taken_says_so_and_is_new_the_next_time() -> None:
    async def scenario(exchange: Exchange) -> None:
        exchange.faults.fail(Point.PUBLISH, ORDERS, NotPublished(ORDERS, 1, 1, "no leader"))
        answer = await exchange.ask("POST", "/orders", NAMED)
        assert problem(answer) == (503, "not_taken", None)
        assert answer.headers["retry-after"] == "1"
        assert (exchange.store.records, exchange.store.owners) == ({}, {})
        assert "idempotency-replayed" not in (await exchange.ask("POST", "/orders", NAMED)).headers
        assert len(await exchange.commands()) == 1

    with_exchange(scenario)


def test_an_unknown_outcome_says_so_and_a_repeat_publishes_the_same_command() -> None:
    async def scenario(exchange: Exchange) -> None:
        exchange.faults.fail(Point.PUBLISHED, ORDERS, PublishUnknown(ORDERS, 1, 1, "timed out"))
        answer = await exchange.ask("POST", "/orders", NAMED)
        assert problem(answer) == (503, "outcome_unknown", None)
        repeat = await exchange.ask("POST", "/orders", NAMED)
        assert (repeat.status_code, repeat.headers["outcry-position"]) == (202, "1:1")
        first, second = await exchange.commands()
        assert first == second
        assert repeat.json()["id"] == (await exchange.ask("POST", "/orders", NAMED)).json()["id"]

    with_exchange(scenario)


def test_a_request_whose_order_api_died_is_published_again_as_it_was() -> None:
    async def scenario(exchange: Exchange) -> None:
        await exchange.ask("POST", "/orders", NAMED)
        (first,) = await exchange.commands()
        # As if it had died before the acknowledgement: the claim is there, the outcome is not.
        (key,) = exchange.store.records
        exchange.store.records[key] = record.pending(exchange.clock.now() // 1_000_000) + codec.encode(first)
        assert problem(await exchange.ask("POST", "/orders", NAMED)) == (409, "request_in_flight", None)
        exchange.clock.advance(PENDING_MS / 1000 + 1)
        answer = await exchange.ask("POST", "/orders", NAMED)
        assert answer.headers["outcry-position"] == "1:1"
        assert await exchange.commands() == [first, first]

    with_exchange(scenario)


def test_part_of_a_batch_is_acknowledged() -> None:
    async def scenario(exchange: Exchange) -> None:
        failure = PublishUnknown(ORDERS, 1, 3, "cut", [Ack(0, exchange.broker.now_ms())])
        exchange.faults.fail(Point.PUBLISH, ORDERS, failure)
        items = [NAMED | {"op": "place", "client_oid": name} for name in "abc"]
        answer = await exchange.ask("POST", "/orders/batch", {"orders": items})
        results = [(each["status"], each.get("code")) for each in answer.json()["results"]]
        assert results == [(202, None), (503, "outcome_unknown"), (503, "outcome_unknown")]

    with_exchange(scenario)


def test_orders_are_taken_while_the_store_is_away() -> None:
    async def scenario(exchange: Exchange) -> None:
        exchange.store.away = True
        for _ in range(2):
            assert (await exchange.ask("POST", "/orders", NAMED)).status_code == 202
        first, second = await exchange.commands()
        assert first.key == second.key != 0

    with_exchange(scenario)


def test_a_full_queue_takes_nothing() -> None:
    async def scenario(exchange: Exchange) -> None:
        released = exchange.faults.hold(Point.PUBLISH, ORDERS)
        first = asyncio.create_task(exchange.ask("POST", "/orders", NAMED))
        while exchange.api.desk.intake.in_hand == 0:
            await asyncio.sleep(0)
        answer = await exchange.ask("POST", "/orders", ORDER)
        assert problem(answer) == (503, "overloaded", None)
        released.set()
        assert (await first).status_code == 202
        assert (await exchange.ask("POST", "/orders", ORDER)).status_code == 202

    with_exchange(scenario, queue_orders=1)


def test_a_service_that_stops_takes_nothing() -> None:
    async def scenario(exchange: Exchange) -> None:
        exchange.api.desk.intake.closed = True
        assert problem(await exchange.ask("POST", "/orders", ORDER)) == (503, "stopping", None)

    with_exchange(scenario)


def test_a_log_whose_clock_differs_makes_unready() -> None:
    async def scenario(exchange: Exchange) -> None:
        late = Ack(0, exchange.broker.now_ms() - 3_000)
        exchange.api.desk.published([late])
        assert "ahead of the log" in exchange.process.health.unready_reasons["clock"]
        exchange.api.desk.published([Ack(1, exchange.broker.now_ms())])
        assert "clock" not in exchange.process.health.unready_reasons

    with_exchange(scenario)
