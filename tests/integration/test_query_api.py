"""query_api over a database that the projector filled, and a log that goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

from deploy.local.servers import Addresses
from libs.book.product import ProductBook
from libs.events import ids
from libs.events.decimals import to_text
from libs.events.events import OrderAccepted
from libs.kafka.memory import MemoryLog
from libs.service.clock import VirtualClock
from libs.service.process import Process
from services.query_api.app import QueryApi
from services.query_api.settings import QueryApiSettings
from tests.unit.read_model.naive import NaiveTables
from tests.unit.read_model.stage import connected, database, memory_log, project_all, publish, until
from tests.unit.read_model.traffic import Traffic

PRODUCT = "P0-USD"
ORDERS_PAGE = 7


class Stage(NamedTuple):
    """A running query_api. `client` is ann's; `clock` is query_api's."""

    address: str
    log: MemoryLog
    traffic: Traffic
    oracle: NaiveTables
    api: QueryApi
    client: httpx.AsyncClient
    clock: VirtualClock
    process: Process[QueryApiSettings]

    async def get(self, path: str, status: int = 200, **headers: str) -> object:
        """The body of the answer; keyword `outcry_account` is the header `Outcry-Account`."""
        answer = await self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def problem(self, path: str, status: int, **headers: str) -> tuple[str, str | None]:
        body = await self.get(path, status, **headers)
        assert isinstance(body, dict)
        return body["code"], body["field"]

    async def go_on(self, commands: int) -> None:
        """More commands in the log, which nobody projects."""
        await publish(self.log, 0, self.traffic.run(commands))

    def orders_of(self, account: str) -> list[bytes]:
        """Ids of the orders that stand, newest first."""
        return sorted(
            (order_id for order_id, owner in self.oracle.open_orders.items() if owner == account), reverse=True
        )


@asynccontextmanager
async def staged(servers: Addresses, **limits: object) -> AsyncIterator[Stage]:
    log, traffic = memory_log(1), Traffic(product_id=PRODUCT)
    traffic.run(500)
    traffic.rest("account-1", 20)
    await publish(log, 0, traffic.events)
    oracle = NaiveTables()
    for event in traffic.events:
        oracle.apply(event, 0)
    async with database(servers.postgres) as address:
        await project_all(address, log, [traffic])
        settings = msgspec.convert(
            {"postgres": address, "tail_poll_ms": 20, "backoff_first_ms": 5, **limits}, QueryApiSettings
        )
        clock = VirtualClock(traffic.time)
        process = Process("query_api", settings, structlog.get_logger(), clock)
        api = QueryApi(process, log)
        work = asyncio.create_task(api.run())
        try:
            await until(lambda: _true(process.health.is_ready), "query_api is ready")
            transport = httpx.ASGITransport(api.front)
            headers = {"Outcry-Account": "account-1"}
            async with httpx.AsyncClient(transport=transport, base_url="http://query", headers=headers) as client:
                yield Stage(address, log, traffic, oracle, api, client, clock, process)
        finally:
            process.stop.set()
            await work


async def _true(value: bool) -> bool:
    return value


def run(servers: Addresses, scenario: Callable[[Stage], Awaitable[None]], **limits: object) -> None:
    async def staged_scenario() -> None:
        async with staged(servers, **limits) as stage:
            await scenario(stage)

    asyncio.run(staged_scenario())


def level_three(book: ProductBook) -> dict[str, list[list[str]]]:
    prices, sizes = book.product.price_scale, book.product.size_scale
    return {
        name: [
            [to_text(level.price, prices), to_text(order.displayed, sizes), ids.text(order.order_id)]
            for level in ladder
            for order in level
        ]
        for name, ladder in (("bids", book.bids), ("asks", book.asks))
    }


def aggregated(book: ProductBook) -> dict[str, list[list[object]]]:
    prices, sizes = book.product.price_scale, book.product.size_scale
    return {
        name: [[to_text(level.price, prices), to_text(level.volume, sizes), level.count] for level in ladder]
        for name, ladder in (("bids", book.bids), ("asks", book.asks))
    }


def test_the_book_is_the_engines_from_postgres_and_from_the_tail(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        book = stage.traffic.state.products[stage.traffic.number]
        for _ in range(3):
            position = f"0:{stage.traffic.offset}"
            for level, expected in (("3", level_three(book)), ("2", aggregated(book))):
                found = await stage.get(f"/products/{PRODUCT}/book?level={level}", outcry_position=position)
                assert isinstance(found, dict)
                assert {"bids": found["bids"], "asks": found["asks"]} == expected
                assert found["sequence"] == book.sequence
            best = await stage.get(f"/products/{PRODUCT}/book")
            assert isinstance(best, dict)
            assert best["bids"] == aggregated(book)["bids"][:1]
            await stage.go_on(60)

    run(servers, scenario)


def test_the_book_goes_on_when_postgres_is_away(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        async with connected(servers.postgres) as connection:
            name = urlsplit(stage.address).path[1:]
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            await stage.go_on(60)
            found = await stage.get(f"/products/{PRODUCT}/book?level=3", outcry_position=f"0:{stage.traffic.offset}")
            assert isinstance(found, dict)
            assert found["asks"] == level_three(stage.traffic.state.products[stage.traffic.number])["asks"]
            assert (await stage.problem("/orders", 503))[0] == "dependency_away"
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

            async def back() -> bool:
                return (await stage.client.get("/orders")).status_code == 200

            await until(back, "orders are answered again")

    run(servers, scenario)


def test_reads_wait_for_a_position_and_say_when_they_did_not_reach_it(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.go_on(40)
        position = f"0:{stage.traffic.offset}"
        body = await stage.get("/orders", 503, outcry_position=position)
        assert isinstance(body, dict)
        assert (body["code"], body["retryable"], body["field"]) == ("not_ready", True, "Outcry-Position")
        waiting = [asyncio.create_task(stage.client.get("/fills", headers={"Outcry-Position": position}))]
        await project_all(stage.address, stage.log, [stage.traffic])
        assert (await waiting[0]).status_code in (200, 503)
        assert isinstance(await stage.get("/orders", outcry_position=position), list)
        assert await stage.problem("/time", 400, outcry_position="0:1,x") == ("invalid_position", "Outcry-Position")

    run(servers, scenario, wait_ms=300)


def test_an_id_just_minted_is_waited_for(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        events = stage.traffic.run(20)
        order = next(event for event in events if isinstance(event, OrderAccepted))
        stage.clock.advance((stage.traffic.time - stage.clock.now()) / 1e9)
        asked = asyncio.create_task(
            stage.client.get(f"/orders/{ids.text(order.order_id)}", headers={"Outcry-Account": order.account})
        )
        await publish(stage.log, 0, events)
        await project_all(stage.address, stage.log, [stage.traffic])
        assert (await asked).json()["id"] == ids.text(order.order_id)

    run(servers, scenario)


def test_orders_by_id_by_name_and_page_by_page(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        mine = stage.orders_of("account-1")
        assert len(mine) > ORDERS_PAGE
        found, after = [], ""
        while True:
            answer = await stage.client.get(f"/orders?limit={ORDERS_PAGE}{after}")
            page = [order["id"] for order in answer.json()]
            if not page:
                break
            found += page
            assert (answer.headers["CB-BEFORE"], answer.headers["CB-AFTER"]) == (page[0], page[-1])
            after = f"&after={page[-1]}"
        assert found == [ids.text(order_id) for order_id in mine]
        newer = await stage.get(f"/orders?limit=2&before={found[4]}")
        assert isinstance(newer, list)
        assert [order["id"] for order in newer] == found[2:4]
        everything = await stage.get("/orders?status=all&limit=1000")
        assert isinstance(everything, list)
        assert len(everything) == sum(row["account"] == "account-1" for row in stage.oracle.orders.values())
        sells = await stage.get(f"/orders?side=buy&product_id={PRODUCT}")
        assert isinstance(sells, list)
        assert {order["side"] for order in sells} == {"buy"}
        await check_one(stage, mine[0])

    run(servers, scenario)


async def check_one(stage: Stage, order_id: bytes) -> None:
    row = stage.oracle.orders[order_id]
    text = ids.text(order_id)
    order = await stage.get(f"/orders/{text}")
    assert isinstance(order, dict)
    price, filled, value = row["price"], row["filled_size"], row["executed_value"]
    assert isinstance(price, int)
    assert isinstance(filled, int)
    assert isinstance(value, int)
    assert order["price"] == to_text(price, 2)
    assert order["filled_size"] == to_text(filled, 8)
    assert order["executed_value"] == to_text(value, 10)
    assert (order["status"], order["product_id"]) == ("open", PRODUCT)
    assert await stage.problem(f"/orders/{text}", 404, outcry_account="bob") == ("order_not_found", None)
    same = await stage.get(f"/orders/{text}", outcry_account="bob", outcry_role="operator")
    assert same == order


def test_a_clients_own_name_finds_the_order_and_not_a_refused_repeat(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        rows = stage.oracle.orders.values()
        repeat = next(row for row in rows if row["first_order_id"] and row["account"] == "account-1")
        found = await stage.get(f"/orders/client:{repeat['client_oid']}")
        assert isinstance(found, dict)
        assert "duplicate_of" not in found
        names = [row for row in rows if row["client_oid"] == repeat["client_oid"] and row["account"] == "account-1"]
        newest = max(
            row["order_id"] for row in names if not row["first_order_id"] and isinstance(row["order_id"], bytes)
        )
        assert found["id"] == ids.text(newest)
        assert await stage.problem("/orders/client:nobody", 404) == ("order_not_found", None)

    run(servers, scenario)


def test_the_events_of_an_order_are_all_that_name_it(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        names = ("order_id", "maker_order_id", "taker_order_id")
        for order_id in list(stage.oracle.orders)[::9]:
            expected = [
                event.seq for event in stage.traffic.events
                if any(getattr(event, name, None) == order_id for name in names)
            ]  # fmt: skip
            account = str(stage.oracle.orders[order_id]["account"])
            found = await stage.get(f"/orders/{ids.text(order_id)}/events", outcry_account=account)
            assert isinstance(found, list)
            assert [event["seq"] for event in found] == expected
            for event in found:
                accounts = {event.get(name, account) for name in ("account", "maker_account", "taker_account")}
                assert accounts <= {account, "", "ops"} or event["type"] not in ("TradeExecuted",)

    run(servers, scenario)


def test_fills_are_both_sides_of_ones_trades(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        expected = []
        for (_, trade_id), row in stage.oracle.trades.items():
            expected += [(trade_id, "M")] if row["maker_account"] == "account-1" else []
            expected += [(trade_id, "T")] if row["taker_account"] == "account-1" else []
        found: list[tuple[int, str]] = []
        after = ""
        while True:
            answer = await stage.client.get(f"/fills?limit=5{after}")
            page = [(fill["trade_id"], fill["liquidity"]) for fill in answer.json()]
            if not page:
                break
            found += page
            after = f"&after={answer.headers['CB-AFTER']}"
        assert len(expected) > 10
        assert found == sorted(expected, reverse=True)
        last = (await stage.client.get("/fills?limit=5")).headers["CB-AFTER"]
        newer = await stage.get(f"/fills?limit=2&before={last}")
        assert isinstance(newer, list)
        assert [(fill["trade_id"], fill["liquidity"]) for fill in newer] == found[2:4]

    run(servers, scenario)


def test_trades_and_ticker(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        trades = await stage.get(f"/products/{PRODUCT}/trades?limit=1000")
        assert isinstance(trades, list)
        assert [trade["trade_id"] for trade in trades] == [trade_id for _, trade_id in reversed(stage.oracle.trades)]
        page = await stage.get(f"/products/{PRODUCT}/trades?limit=3&after={trades[4]['trade_id']}")
        assert page == trades[5:8]
        ticker = await stage.get(f"/products/{PRODUCT}/ticker")
        assert isinstance(ticker, dict)
        assert (ticker["trade_id"], ticker["price"], ticker["time"]) == tuple(
            trades[0][name] for name in ("trade_id", "price", "time")
        )
        sizes = [row["size"] for row in stage.oracle.trades.values()]
        assert ticker["volume"] == to_text(sum(size for size in sizes if isinstance(size, int)), 8)

    run(servers, scenario)


def test_products_and_positions(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        products = await stage.get("/products")
        assert isinstance(products, list)
        assert [product["id"] for product in products] == [PRODUCT]
        assert products[0] == await stage.get(f"/products/{PRODUCT}")
        await stage.go_on(10)
        await stage.get(f"/products/{PRODUCT}/ticker", outcry_position=f"0:{stage.traffic.offset}")
        (position,) = msgspec.convert(await stage.get("/positions"), list[dict[str, object]])
        behind = stage.traffic.state.seq - len(stage.oracle.events)
        assert (position["partition"], position["lag"]) == (0, behind)
        assert position["live_command_offset"] == stage.traffic.offset
        await publish(stage.log, 0, stage.traffic.relist())
        again = await stage.get(f"/products/{PRODUCT}", outcry_position=f"0:{stage.traffic.offset}")
        assert isinstance(again, dict)
        assert again["number"] == stage.traffic.number

    run(servers, scenario)


BAD_INPUT = [
    ("/products/NO-USD", 404, "product_not_found", "product_id"),
    ("/products/NO-USD/book", 404, "product_not_found", "product_id"),
    ("/orders?product_id=NO-USD", 404, "product_not_found", "product_id"),
    ("/products/P0-USD/book?level=4", 400, "invalid_parameter", "level"),
    ("/products/P0-USD/book?depth=4", 400, "invalid_parameter", "depth"),
    ("/products/P0-USD/trades?limit=0", 400, "invalid_parameter", "limit"),
    ("/products/P0-USD/trades?limit=1001", 400, "invalid_parameter", "limit"),
    ("/products/P0-USD/trades?before=-1", 400, "invalid_cursor", "before"),
    ("/products/P0-USD/trades?before=1&after=2", 400, "invalid_cursor", "before"),
    ("/orders?limit=1&limit=2", 400, "invalid_parameter", "limit"),
    ("/orders?status=nope", 400, "invalid_parameter", "status"),
    ("/orders?side=BUY", 400, "invalid_parameter", "side"),
    ("/orders?after=12", 400, "invalid_cursor", "after"),
    ("/orders?account=bob", 403, "operator_only", "account"),
    ("/orders/12", 400, "invalid_id", "order_id"),
    ("/orders/%00", 400, "invalid_id", "order_id"),
    ("/orders/12/events", 400, "invalid_id", "order_id"),
    ("/orders/00000000-0000-7000-8000-000000000000", 404, "order_not_found", None),
    ("/orders/client:", 400, "invalid_client_oid", "client_oid"),
    ("/fills?order_id=x", 400, "invalid_id", "order_id"),
    ("/fills?before=1.2.3.X", 400, "invalid_cursor", "before"),
    ("/nowhere", 404, "not_found", None),
]


def test_bad_input_is_named(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        for path, status, code, field in BAD_INPUT:
            assert await stage.problem(path, status) == (code, field), path
        assert await stage.problem("/orders", 400, outcry_account="a b") == ("invalid_account", "Outcry-Account")
        assert await stage.problem("/orders", 400, outcry_role="king") == ("invalid_role", "Outcry-Role")
        assert (await stage.client.post("/time")).status_code == 405

    run(servers, scenario)
