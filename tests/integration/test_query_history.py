"""query_api's charts, streams, balances and waits, over what the projector made of the same traffic as the oracle."""

import asyncio
from collections.abc import Mapping

import msgspec

from deploy.local.servers import Addresses
from libs.events import ids
from libs.events.commands import CancelOrder
from libs.events.decimals import to_text
from libs.events.events import OrderAccepted
from tests.integration.test_query_api import PRODUCT, Stage, run
from tests.unit.read_model.stage import project_all, publish

PRICES, SIZES = 2, 8
SECOND = 1_000_000_000


def number(row: Mapping[str, object], name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value


def test_candles_are_what_was_traded(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        for granularity in (60, 300, 900, 3_600, 21_600, 86_400):
            rows = [row for (_, of, _), row in stage.oracle.candles.items() if of == granularity]
            expected = [
                [
                    number(row, "time") // SECOND,
                    *(to_text(number(row, name), PRICES) for name in ("low", "high", "open", "close")),
                    to_text(number(row, "volume"), SIZES),
                ]
                for row in sorted(rows, key=lambda row: -number(row, "time"))
            ]
            assert await stage.get(f"/products/{PRODUCT}/candles?granularity={granularity}") == expected
            start = expected[-1][0]
            one = await stage.get(f"/products/{PRODUCT}/candles?granularity={granularity}&start={start}&end={start}")
            assert one == expected[-1:]

    run(servers, scenario)


def test_a_day_in_numbers(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        trades = list(stage.oracle.trades.values())
        prices = [number(row, "price") for row in trades]
        volume = to_text(sum(number(row, "size") for row in trades), SIZES)
        texts = {
            "open": prices[0], "high": max(prices), "low": min(prices), "last": prices[-1]
        }  # fmt: skip
        expected = {name: to_text(price, PRICES) for name, price in texts.items()}
        assert await stage.get(f"/products/{PRODUCT}/stats") == expected | {"volume": volume, "volume_30day": volume}
        sparks = await stage.get("/products/spark-lines")
        assert isinstance(sparks, dict)
        assert [spark[4] for spark in sparks[PRODUCT]][:1] == [expected["last"]]
        stage.clock.advance(25 * 3_600)
        later = await stage.get(f"/products/{PRODUCT}/stats")
        assert isinstance(later, dict)
        assert (later["open"], later["volume"], later["volume_30day"]) == (None, "0.00000000", volume)

    run(servers, scenario)


def test_a_stream_of_trades_is_whole_resumable_and_bounded_in_time(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        path = f"/products/{PRODUCT}/trades.ndjson"
        answer = await stage.client.get(path)
        assert answer.headers["content-type"] == "application/x-ndjson"
        found = [msgspec.json.decode(line) for line in answer.text.splitlines()]
        assert [trade["trade_id"] for trade in found] == [trade_id for _, trade_id in stage.oracle.trades]
        page = await stage.get(f"/products/{PRODUCT}/trades?limit=1000")
        assert found[::-1] == page
        middle = found[len(found) // 2]
        rest = await stage.client.get(f"{path}?after={middle['trade_id']}")
        assert [msgspec.json.decode(line) for line in rest.text.splitlines()] == found[len(found) // 2 + 1 :]
        between = await stage.client.get(path, params={"start": found[3]["time"], "end": middle["time"]})
        expected = [trade for trade in found if found[3]["time"] <= trade["time"] <= middle["time"]]
        assert [msgspec.json.decode(line) for line in between.text.splitlines()] == expected
        assert (await stage.client.get(f"{path}?start=4000000000")).text == ""
        assert await stage.problem(f"{path}?start=2&end=1", 400) == ("invalid_parameter", "end")
        assert await stage.problem(f"{path}?limit=1", 400) == ("invalid_parameter", "limit")

    run(servers, scenario, stream_rows=7)


def test_no_more_streams_than_there_may_be(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        assert await stage.problem(f"/products/{PRODUCT}/trades.ndjson", 503) == ("overloaded", None)

    run(servers, scenario, streams=0)


def test_balances_are_what_was_traded_and_what_is_ordered(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        (row,) = (row for row in stage.oracle.holdings.values() if row["account"] == "account-1")
        bought, sold = number(row, "bought"), number(row, "sold")
        (holding,) = msgspec.convert(await stage.get("/holdings"), list[dict[str, object]])
        assert holding == {
            "product_id": PRODUCT,
            "size": to_text(bought - sold, SIZES),
            "trades": row["trades"],
            "bought_size": to_text(bought, SIZES),
            "bought_value": to_text(number(row, "bought_value"), PRICES + SIZES),
            "sold_size": to_text(sold, SIZES),
            "sold_value": to_text(number(row, "sold_value"), PRICES + SIZES),
        }
        standing = [stage.oracle.orders[order_id] for order_id in stage.orders_of("account-1")]
        base = sum(number(order, "remaining") for order in standing if order["side"] == 2)
        quote = sum(
            number(order, "remaining") * number(order, "price") + number(order, "funds")
            for order in standing if order["side"] == 1
        )  # fmt: skip
        btc, usd = msgspec.convert(await stage.get("/accounts"), list[dict[str, object]])
        assert (btc["id"], btc["currency"], btc["profile_id"]) == ("BTC", "BTC", "account-1")
        assert (btc["balance"], btc["hold"]) == (to_text(bought - sold, SIZES), to_text(base, SIZES))
        assert btc["available"] == to_text(bought - sold - base, SIZES)
        value = number(row, "sold_value") - number(row, "bought_value")
        assert (usd["balance"], usd["hold"]) == (to_text(value, PRICES + SIZES), to_text(quote, PRICES + SIZES))
        assert await stage.get("/accounts/USD") == usd
        assert await stage.problem("/accounts/XRP", 404) == ("account_not_found", "id")
        assert await stage.get("/accounts", outcry_account="stranger") == []
        found = await stage.get("/accounts?account=account-1", outcry_account="ops", outcry_role="operator")
        assert found == [btc, usd]
        assert await stage.problem("/holdings?account=account-1", 403, outcry_account="bob") == (
            "operator_only",
            "account",
        )

    run(servers, scenario)


def test_the_venue_says_what_it_is(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        product = {"id": PRODUCT, "status": "online"}
        assert await stage.get("/status") == {"status": "online", "message": "", "products": [product]}
        btc, usd = msgspec.convert(await stage.get("/currencies"), list[dict[str, object]])
        assert (btc["id"], btc["max_precision"]) == ("BTC", "0.00000001")
        assert (usd["id"], usd["max_precision"]) == ("USD", "0.01")
        assert await stage.get("/currencies/USD") == usd
        assert await stage.problem("/currencies/XRP", 404) == ("currency_not_found", "id")
        limits = await stage.get("/limits")
        assert isinstance(limits, dict)
        assert limits["requests"]["key"] == {"per_second": 10, "burst": 10}
        assert (limits["requests"]["address"], limits["pages"]["most"]) == (None, 1_000)
        assert await stage.get("/fees") == {"maker_fee_rate": "0", "taker_fee_rate": "0", "usd_volume": None}

    run(servers, scenario, limit_key_per_s=10)


def test_orders_of_a_time(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        all_orders = msgspec.convert(await stage.get("/orders?status=all&limit=1000"), list[dict[str, object]])
        times = sorted(str(order["created_at"]) for order in all_orders)
        since, until = times[len(times) // 3], times[2 * len(times) // 3]
        found = await stage.get(f"/orders?status=all&limit=1000&start_date={since}&end_date={until}")
        assert found == [order for order in all_orders if since <= str(order["created_at"]) <= until]
        slashed = await stage.get(f"/orders?status=all&limit=1000&product_id={PRODUCT.replace('-', '/')}")
        assert slashed == all_orders
        fills = msgspec.convert(await stage.get("/fills?limit=1000"), list[dict[str, object]])
        moment = str(fills[len(fills) // 2]["created_at"])
        since_then = await stage.get(f"/fills?limit=1000&start_date={moment}")
        assert since_then == [fill for fill in fills if str(fill["created_at"]) >= moment]

    run(servers, scenario)


def test_an_order_is_waited_for_until_something_happens_to_it(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        order_id = stage.orders_of("account-1")[0]
        path = f"/orders/{ids.text(order_id)}"
        before = await stage.get(path)
        assert await stage.get(f"{path}?wait=0") == before
        waiting = asyncio.create_task(stage.client.get(f"{path}?wait=20"))
        await until_watched(stage)
        traffic, account = stage.traffic, "account-1"
        cancel = CancelOrder(
            traffic.mint(traffic.number), account, traffic.number, order_id, "", 0, traffic.time, 0, None
        )
        await publish(stage.log, 0, traffic.send(cancel))
        await project_all(stage.address, stage.log, [traffic])
        after = (await waiting).json()
        assert (after["status"], after["done_reason"]) == ("done", "canceled")
        assert await stage.get(f"{path}?wait=20") == after  # it is final: at once

    run(servers, scenario)


async def until_watched(stage: Stage) -> None:
    async with asyncio.timeout(10):
        while not stage.api.watches:
            await asyncio.sleep(0.005)


def test_waiting_for_what_is_not_there_yet(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        events = stage.traffic.run(20)
        order = next(event for event in events if isinstance(event, OrderAccepted))
        stage.clock.advance((stage.traffic.time - stage.clock.now()) / 1e9)
        path = f"/orders/{ids.text(order.order_id)}?wait=20"
        asked = asyncio.create_task(stage.client.get(path, headers={"Outcry-Account": order.account}))
        await publish(stage.log, 0, events)
        await project_all(stage.address, stage.log, [stage.traffic])
        assert (await asked).json()["id"] == ids.text(order.order_id)
        unknown = "/orders/00000000-0000-7000-8000-000000000000?wait=20"
        assert await stage.problem(unknown, 404) == ("order_not_found", None)
        assert await stage.problem(f"/orders/{ids.text(order.order_id)}?wait=21", 400) == ("invalid_parameter", "wait")

    run(servers, scenario)


BAD_INPUT = [
    ("/products/P0-USD/candles?granularity=61", "granularity"),
    ("/products/P0-USD/candles?start=2026-13-01T00:00:00Z", "start"),
    ("/products/P0-USD/candles?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", "end"),
    ("/products/P0-USD/candles?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z", "granularity"),
    ("/products/P0-USD/candles?start=1969-12-31T23:59:59Z", "start"),
    ("/orders?start_date=yesterday", "start_date"),
    ("/orders/00000000-0000-7000-8000-000000000000?wait=-1", "wait"),
]


def test_bad_input_is_named(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        for path, field in BAD_INPUT:
            assert await stage.problem(path, 400) == ("invalid_parameter", field), path

    run(servers, scenario)
