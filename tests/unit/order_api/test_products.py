"""Operators list and change products; everybody else may not."""

import asyncio
import json

import pytest

from libs.access.caller import Caller
from libs.events import topics
from libs.events.codec import encode
from libs.events.commands import DelistProduct, ListProduct, SetTradingStatus, UpdateProduct
from libs.events.partitioning import home
from libs.events.values import Cluster, TradingStatus
from libs.kafka.cluster import Recorder
from libs.kafka.failures import ClusterMismatch
from libs.kafka.ports import Entry
from services.order_api.settings import OrderApiSettings
from tests.unit.order_api.exchange import BTC, OPERATOR, PARTITIONS, Exchange, problem, with_exchange

SOL = {
    "id": "SOL-USD",
    "base_currency": "SOL",
    "quote_currency": "USD",
    "quote_increment": "0.010",
    "base_increment": "0.0001",
}


def test_a_product_is_listed_where_its_id_says() -> None:
    async def scenario(exchange: Exchange) -> None:
        limits = {"min_size": "0.5", "price_collar": 250, "reference_price": "20.5", "max_open_orders": 500}
        answer = await exchange.ask("POST", "/products", SOL | limits, **OPERATOR)
        partition = home("SOL-USD", PARTITIONS)
        assert (answer.status_code, answer.headers["outcry-position"]) == (202, f"{partition}:0")
        assert answer.json()["product_id"] == "SOL-USD"
        (command,) = await exchange.commands()
        assert isinstance(command, ListProduct)
        assert (command.number, command.price_scale, command.size_scale) == (0, 2, 4)
        assert (command.quote_increment, command.base_increment, command.min_size) == (1, 1, 5_000)
        assert (command.price_collar, command.reference_price, command.max_open_orders) == (250, 2_050, 500)

    with_exchange(scenario)


def test_scales_may_be_given() -> None:
    async def scenario(exchange: Exchange) -> None:
        await exchange.ask("POST", "/products", SOL | {"price_scale": 4, "size_scale": 8}, **OPERATOR)
        (command,) = await exchange.commands()
        assert isinstance(command, ListProduct)
        assert (command.quote_increment, command.base_increment) == (100, 10_000)

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"id": "sol-usd"}, "invalid_product_id", "id"),
        ({"id": "_cluster"}, "invalid_product_id", "id"),
        ({"id": "A" * 33}, "invalid_product_id", "id"),
        ({"base_currency": "$"}, "invalid_value", "base_currency"),
        ({"quote_increment": "0"}, "invalid_increment", "quote_increment"),
        ({"quote_increment": "-1"}, "invalid_decimal", "quote_increment"),
        ({"quote_increment": 0.01}, "wrong_type", "quote_increment"),
        ({"base_increment": "0." + "0" * 12 + "1"}, "invalid_scale", "base_increment"),
        ({"price_scale": 1}, "invalid_scale", "price_scale"),
        ({"price_scale": 13}, "invalid_scale", "price_scale"),
        ({"price_scale": 10, "size_scale": 10}, "invalid_scale", "price_scale"),
        ({"min_size": "2", "max_size": "1"}, "invalid_value", "max_size"),
        ({"max_size": "0.00001"}, "too_many_decimals", "max_size"),
        ({"tick": "1"}, "unknown_field", "tick"),
        ({"price_collar": "250"}, "wrong_type", "price_collar"),
        ({"price_collar": True}, "wrong_type", "price_collar"),
        ({"price_collar": 2.5}, "wrong_type", "price_collar"),
        ({"price_collar": -1}, "invalid_value", "price_collar"),
        ({"price_collar": 10_001}, "invalid_value", "price_collar"),
        ({"price_collar": 2**70}, "invalid_value", "price_collar"),
        ({"reference_price": "0.001"}, "too_many_decimals", "reference_price"),
        ({"max_open_orders": -1}, "invalid_value", "max_open_orders"),
    ],
)
def test_a_product_that_cannot_be(change: dict[str, object], code: str, field: str) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask("POST", "/products", SOL | change, **OPERATOR)) == (400, code, field)
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_a_product_that_is() -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("POST", "/products", SOL | {"id": "BTC-USD"}, **OPERATOR)
        assert problem(answer) == (409, "product_exists", "id")

    with_exchange(scenario)


def test_changes() -> None:
    async def scenario(exchange: Exchange) -> None:
        path = "/products/BTC-USD"
        changes = {"quote_increment": "0.10", "max_size": "0", "price_collar": 0, "reference_price": "7.05"}
        await exchange.ask("PATCH", path, changes, **OPERATOR)
        await exchange.ask("POST", f"{path}/status", {"status": "cancel_only"}, **OPERATOR)
        answer = await exchange.ask("DELETE", path, **OPERATOR)
        assert answer.headers["outcry-position"] == "1:2"
        update, status, delist = await exchange.commands()
        assert isinstance(update, UpdateProduct)
        assert (update.quote_increment, update.base_increment, update.max_size) == (10, None, 0)
        assert (update.price_collar, update.reference_price, update.max_open_orders) == (0, 705, None)
        assert isinstance(status, SetTradingStatus)
        assert status.status is TradingStatus.CANCEL_ONLY
        assert isinstance(delist, DelistProduct)
        assert {update.number, status.number, delist.number} == {BTC.number}

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/products", SOL),
        ("PATCH", "/products/BTC-USD", {"min_size": "1"}),
        ("POST", "/products/BTC-USD/status", {"status": "halted"}),
        ("DELETE", "/products/BTC-USD", None),
    ],
)
def test_only_operators(method: str, path: str, body: object) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask(method, path, body))[:2] == (403, "operator_only")
        assert await exchange.commands() == []

    with_exchange(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("PATCH", "/products/SOL-USD", {"min_size": "1"}, (404, "product_not_found", "product_id")),
        ("PATCH", "/products/btc", {"min_size": "1"}, (400, "invalid_product_id", "product_id")),
        ("PATCH", "/products/BTC-USD", {}, (400, "nothing_to_change", None)),
        ("PATCH", "/products/BTC-USD", b"x", (400, "malformed_json", None)),
        ("PATCH", "/products/BTC-USD", b" " * 70_000, (413, "body_too_large", None)),
        ("POST", "/products/BTC-USD/status", {"status": "delisted"}, (400, "invalid_value", "status")),
    ],
)
def test_what_is_refused(method: str, path: str, body: object, expected: tuple[int, str, str | None]) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert problem(await exchange.ask(method, path, body, **OPERATOR)) == expected
        assert await exchange.commands() == []

    with_exchange(scenario)


def test_a_product_that_was_delisted_is_unknown_but_keeps_its_partition() -> None:
    async def scenario(exchange: Exchange) -> None:
        gone = BTC.__class__("SOL-USD", 256 + 3, 3, "SOL", "USD", 2, 8, 5, 1_000, TradingStatus.DELISTED)
        await exchange.register(gone)
        while exchange.api.desk.registry.recorded_partition("SOL-USD") is None:
            await asyncio.sleep(0)
        assert exchange.api.desk.registry.find("SOL-USD") is None
        answer = await exchange.ask("POST", "/products", SOL, **OPERATOR)
        assert answer.headers["outcry-position"] == "3:0"

    with_exchange(scenario)


def test_new_products_are_spread_over_a_new_size_once_every_older_listing_is_known() -> None:
    async def scenario(exchange: Exchange) -> None:
        late = BTC.__class__("DOGE-USD", 256 + 2, 2, "DOGE", "USD", 2, 8, 5, 1_000, TradingStatus.ONLINE)
        for topic in (topics.PRODUCTS, topics.ORDERS):
            exchange.broker.grow_topic(topic, 2 * PARTITIONS)
        await exchange.register(late)  # by the old size, just before the record
        await exchange.record(2 * PARTITIONS)
        answer = await exchange.ask("POST", "/products", SOL | {"id": "ADA-USD"}, **OPERATOR)
        assert exchange.api.desk.registry.find("DOGE-USD") == late
        assert (home("ADA-USD", PARTITIONS), answer.headers["outcry-position"]) == (2, "6:0")
        young = BTC.__class__("NEW-USD", 256 + 6, 6, "NEW", "USD", 2, 8, 5, 1_000, TradingStatus.ONLINE)
        await exchange.register(young)  # in a partition of `products` that was not there at the start
        while exchange.api.desk.registry.find("NEW-USD") is None:
            await asyncio.sleep(0)

    with_exchange(scenario)


def test_a_product_that_becomes_known_with_a_new_size_stays_where_it_lives() -> None:
    async def scenario(exchange: Exchange) -> None:
        late = BTC.__class__("ADA-USD", 256 + 2, 2, "ADA", "USD", 2, 8, 5, 1_000, TradingStatus.ONLINE)
        for topic in (topics.PRODUCTS, topics.ORDERS):
            exchange.broker.grow_topic(topic, 2 * PARTITIONS)
        size = Cluster(exchange.process.settings.cluster, 2 * PARTITIONS)
        for partition, key, said in ((2, b"ADA-USD", late), (0, topics.CLUSTER_KEY, size)):
            exchange.broker.partition(topics.PRODUCTS, partition).append([Entry(key, encode(said))], 1, None)
        body = json.dumps(SOL | {"id": "ADA-USD"}).encode()
        asked = asyncio.create_task(exchange.api.desk.products.list_product(body, Caller("op", operator=True), "again"))
        await asyncio.sleep(0)
        assert exchange.api.desk.registry.find("ADA-USD") is None
        exchange.broker.notify()
        assert (home("ADA-USD", 2 * PARTITIONS), (await asked).partition) == (6, 2)

    with_exchange(scenario, registry_poll_ms=500)


def test_nothing_is_listed_before_the_log_says_over_how_many_partitions() -> None:
    async def scenario() -> None:
        exchange = Exchange(OrderApiSettings(registry_poll_ms=5))
        await exchange.register(BTC)
        following = asyncio.create_task(exchange.api.follow())
        while exchange.api.desk.registry.find("BTC-USD") is None:
            await asyncio.sleep(0)
        answer = await exchange.ask("POST", "/products", SOL, **OPERATOR)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert not exchange.process.health.is_ready
        await exchange.record()
        await exchange.api.desk.registry.settle_loaded()
        assert (await exchange.ask("POST", "/products", SOL, **OPERATOR)).status_code == 202
        exchange.process.stop.set()
        await following
        await exchange.api.desk.close()

    asyncio.run(scenario())


def test_the_registry_of_another_cluster_ends_the_process() -> None:
    async def scenario() -> None:
        exchange = Exchange(OrderApiSettings(registry_poll_ms=5, cluster="mine"))
        recorder = Recorder(exchange.log, "theirs")
        await recorder.start()
        await recorder.record(PARTITIONS)
        with pytest.raises(ClusterMismatch, match="belongs to the cluster 'theirs'"):
            await exchange.api.follow()
        await exchange.api.desk.close()

    asyncio.run(scenario())
