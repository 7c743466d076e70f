"""The feed over real sockets: a server, a client of the `websockets` library, and a live book that goes on."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deploy.local.servers import Addresses
from libs.access.keys import Shown
from libs.access.scopes import Scope
from libs.access.signatures import signature
from libs.service.http import HttpServer
from sim.rebuilding import LevelsBook, OrdersBook
from tests.integration.test_query_access import OTHER, OWN, SEALING, headers, key
from tests.integration.test_query_api import PRODUCT, Stage, run

LIMIT_S = 20.0
MEGABYTE = 1_000_000
GOODBYE = 1012


@asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[str]:
    """Its address for sockets."""
    settings = stage.process.settings
    server = HttpServer(stage.api.front, "127.0.0.1", 0, sockets=settings.sockets, stop_timeout_s=1)
    await server.start()
    try:
        yield f"ws://127.0.0.1:{server.port}/ws"
    finally:
        await server.stop()


async def say(client: ClientConnection, **message: object) -> dict[str, Any]:
    """Send a message; what comes next."""
    await client.send(msgspec.json.encode(message).decode())
    return await hear(client)


async def hear(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_S):
        message: dict[str, Any] = msgspec.json.decode(await client.recv())
    return message


async def end_of(client: ClientConnection) -> tuple[int, str]:
    """Code and reason of its close, whatever came before it."""
    async with asyncio.timeout(LIMIT_S):
        with contextlib.suppress(ConnectionClosed):
            async for _ in client:
                pass
        await client.wait_closed()
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


def subscribe(*channels: str) -> dict[str, object]:
    return {"type": "subscribe", "channels": channels, "product_ids": [PRODUCT]}


def test_a_book_built_from_the_feed_is_rests(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        levels, orders = LevelsBook(PRODUCT), OrdersBook(PRODUCT)
        async with serving(stage) as address, connect(address) as client:
            await say(client, **subscribe("level2", "full"))
            book = await stage.get(f"/products/{PRODUCT}/book?level=3")
            assert isinstance(book, dict)
            orders.begin(book)
            for _ in range(5):
                await stage.go_on(100)
                wanted = stage.traffic.state.products[stage.traffic.number].sequence
                while levels.sequence != wanted or orders.sequence != wanted:
                    message = await hear(client)
                    levels.take(message)
                    orders.take(message)
                found = await stage.get(f"/products/{PRODUCT}/book?level=3")
                assert isinstance(found, dict)
                assert [orders.orders(name) for name in ("bids", "asks")] == [found["bids"], found["asks"]]
                found = await stage.get(f"/products/{PRODUCT}/book?level=2")
                assert isinstance(found, dict)
                for name in ("bids", "asks"):
                    assert levels.levels(name) == [level[:2] for level in found[name]]

    run(servers, scenario)


def test_what_no_client_should_send(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        async with serving(stage) as address:
            async with connect(address) as client:
                await client.send("x" * MEGABYTE)
                assert (await end_of(client))[0] == 1009
            async with connect(address) as client:
                await client.send(b"\x00" * 100)
                assert (await hear(client))["code"] == "binary_message"
                assert await end_of(client) == (1003, "binary_message")
            async with connect(address) as client:
                await client.send(b"\xff\xfe", text=True)
                assert await end_of(client) == (1007, "not_utf8")
            async with connect(address) as client:
                for _ in range(stage.process.settings.feed_messages_per_s + 1):
                    await client.send('{"type":"unsubscribe","channels":[]}')
                assert await end_of(client) == (1013, "rate_limited")
            with pytest.raises(InvalidStatus) as refused:
                await connect(address + "/elsewhere")
            assert refused.value.response.status_code == 404
            async with connect(address) as client:
                assert (await say(client, **subscribe("level2")))["type"] == "subscriptions"

    run(servers, scenario)


def test_more_sockets_than_there_may_be_are_refused(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        async with serving(stage) as address:
            async with connect(address) as first, connect(address):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(address)
                assert refused.value.response.status_code == 503
                assert msgspec.json.decode(refused.value.response.body or b"")["code"] == "overloaded"
                await say(first, **subscribe("level2"))
            async with asyncio.timeout(LIMIT_S):
                while stage.api.feed.full:
                    await asyncio.sleep(0)
            async with connect(address) as again:
                assert (await say(again, **subscribe("level2")))["type"] == "subscriptions"

    run(servers, scenario, feed_sockets=2)


def test_whose_orders_user_tells(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        mine, anothers = [await key(stage, account, (Scope.VIEW,)) for account in (OWN, OTHER)]
        async with serving(stage) as address:
            async with connect(address) as nobody:
                assert (await say(nobody, **subscribe("user")))["code"] == "authentication_required"
                late = _signed(stage, mine, late_s=86_400)
                assert (await say(nobody, **subscribe("user"), **late))["code"] == "timestamp_expired"
                assert (await say(nobody, **subscribe("user"), **_signed(stage, mine)))["type"] == "subscriptions"
            handshake = await headers(stage, anothers, "/ws")
            async with connect(address, additional_headers=handshake) as client:
                assert (await say(client, **subscribe("user")))["type"] == "subscriptions"
                await stage.go_on(300)
                for _ in range(20):
                    assert (await hear(client))["user_id"] == OTHER
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, additional_headers=handshake | {"CB-ACCESS-SIGN": "AAAA"})
            assert refused.value.response.status_code == 401
            assert msgspec.json.decode(refused.value.response.body or b"")["code"] == "invalid_signature"

    run(servers, scenario, auth="required", secrets_key=SEALING)


def _signed(stage: Stage, shown: Shown, late_s: int = 0) -> dict[str, object]:
    timestamp = b"%d" % (stage.clock.now() // 10**9 - late_s)
    made = signature(base64.b64decode(shown.secret), timestamp, "GET", b"/users/self/verify", b"")
    named = {"key": shown.id, "signature": made.decode(), "timestamp": timestamp.decode()}
    return {**named, "passphrase": shown.passphrase}


def test_the_end_is_announced_and_then_said(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        async with serving(stage) as address, connect(address) as client:
            await say(client, **subscribe("full"))
            stage.process.stop.set()
            message = await hear(client)
            while message["type"] != "closing":
                message = await hear(client)
            assert message == {"type": "closing", "reason": "restart", "after_ms": 10}
            with pytest.raises(InvalidStatus) as refused:
                await connect(address)
            assert refused.value.response.status_code == 503
            assert await end_of(client) == (GOODBYE, "restart")

    run(servers, scenario, feed_notice_ms=10)
