"""`/ws/orders`: the answers of HTTP, in the order of the messages, within limits, and never silence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from libs.events.commands import CancelOrder, PlaceOrder
from libs.service.http import Message, Scope
from libs.service.sockets import put_wire
from tests.unit.order_api.exchange import ORDER, Exchange, with_exchange
from tests.unit.service.memory_wire import MemoryWire

LIMIT_S = 60.0
PLACE = {"op": "place", **ORDER}
_OVER: Message = {"type": "websocket.disconnect", "code": 1000}


class Trader:
    """A client: what it sends the application receives."""

    def __init__(self) -> None:
        self.wire = MemoryWire()
        self.refused: list[Message] = []
        self.accepted = asyncio.Event()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._sent.put_nowait({"type": "websocket.connect"})
        self._heard: list[dict[str, Any]] = []

    def send(self, **message: object) -> None:
        self.text(msgspec.json.encode(message).decode())

    def text(self, text: str) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": text})

    def binary(self) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "bytes": b"\x00"})

    def leave(self) -> None:
        self._sent.put_nowait(_OVER)

    async def hear(self, count: int = 1) -> list[dict[str, Any]]:
        async with asyncio.timeout(LIMIT_S):
            while len(self._heard) < count:
                await asyncio.sleep(0)
                self._heard += self.wire.read()
        told, self._heard = self._heard[:count], self._heard[count:]
        return told

    async def receive(self) -> Message:
        message = await self._sent.get()
        if self.wire.closed is not None:
            return _OVER
        return message

    async def tell(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.accepted.set()
        else:
            self.refused.append(message)


@asynccontextmanager
async def trader(exchange: Exchange, path: str = "/ws/orders", **named: str) -> AsyncIterator[Trader]:
    found = Trader()
    headers = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in named.items()]
    scope: Scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    put_wire(scope, found.wire)
    serving = asyncio.ensure_future(exchange.api.front(scope, found.receive, found.tell))
    try:
        async with asyncio.timeout(LIMIT_S):
            while not (found.accepted.is_set() or found.refused):
                await asyncio.sleep(0)
        yield found
    finally:
        found.leave()
        await serving


def on_a_socket(scenario: Callable[[Exchange, Trader], Awaitable[None]], **settings: Any) -> None:
    async def run(exchange: Exchange) -> None:
        async with trader(exchange, Outcry_Account="ann") as client:
            await scenario(exchange, client)

    with_exchange(run, **settings)


def test_an_order_is_placed_amended_and_canceled() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        client.send(request_id="1", **PLACE, client_oid="mine")
        (placed,) = await client.hear()
        assert (placed["request_id"], placed["status"], placed["client_oid"]) == ("1", 202, "mine")
        client.send(request_id="2", op="amend", order_id=placed["id"], size="0.2")
        client.send(request_id="3", op="cancel", client_oid="mine", product_id="BTC-USD")
        amended, canceled = await client.hear(2)
        assert [(each["request_id"], each["status"]) for each in (amended, canceled)] == [("2", 202), ("3", 202)]
        assert amended["order_id"] == placed["id"]
        commands = await exchange.commands()
        assert [type(command).__name__ for command in commands] == ["PlaceOrder", "AmendOrder", "CancelOrder"]
        assert {command.account for command in commands} == {"ann"}
        assert [each["position"] for each in (placed, amended, canceled)] == ["1:0", "1:1", "1:2"]

    on_a_socket(scenario)


def test_messages_reach_the_log_in_their_order_whatever_keys_they_have() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        for number in range(200):
            client.send(request_id=f"p{number}", **PLACE, client_oid=f"oid-{number}")
            client.send(request_id=f"c{number}", op="cancel", client_oid=f"oid-{number}", product_id="BTC-USD")
        answers = await client.hear(400)
        assert [each["request_id"] for each in answers] == [f"{op}{number}" for number in range(200) for op in "pc"]
        assert {each["status"] for each in answers} == {202}
        commands = await exchange.commands()
        assert [type(command) for command in commands] == [PlaceOrder, CancelOrder] * 200
        assert [command.client_oid for command in commands] == [f"oid-{n}" for n in range(200) for _ in "pc"]

    on_a_socket(scenario, socket_in_flight=30, batch_items=7)


def test_a_repeat_is_the_first_answer_here_and_over_http() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        client.send(request_id="1", **PLACE, client_oid="mine")
        client.send(request_id="2", **PLACE, client_oid="mine")
        client.send(request_id="3", **{**PLACE, "size": "0.3"}, client_oid="mine")
        client.send(request_id="4", **PLACE, idempotency_key="key")
        (first,) = await client.hear()
        second, third, fourth = await client.hear(3)
        if second["status"] == 409:
            client.send(request_id="2", **PLACE, client_oid="mine")
            (second,) = await client.hear()
        assert (second["id"], second["replayed"]) == (first["id"], True)
        assert third["code"] in {"idempotency_mismatch", "request_in_flight"}
        again = await exchange.ask("POST", "/orders", {**ORDER, "client_oid": "mine"}, Outcry_Account="ann")
        assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first["id"], "true")
        again = await exchange.ask("POST", "/orders", ORDER, Outcry_Account="ann", Idempotency_Key="key")
        assert again.json()["id"] == fourth["id"]
        assert len(await exchange.commands()) == 2

    on_a_socket(scenario)


@pytest.mark.parametrize(
    ("text", "code", "field", "request_id"),
    [
        ("", "malformed_json", None, None),
        ("[" * 50_000, "not_an_object", None, None),
        ("{}", "missing_field", "op", None),
        ('{"request_id":"7"}', "missing_field", "op", "7"),
        ('{"op":"place","product_id":"BTC-USD","side":"buy"}', "missing_field", "request_id", None),
        ('{"request_id":"7","op":"steal"}', "invalid_value", "op", "7"),
        ('{"request_id":"7","op":"cancel"}', "order_name", "order_id", "7"),
        ('{"request_id":"7","op":"cancel","order_id":"x"}', "invalid_id", "order_id", "7"),
        ('{"request_id":"7","op":"place","product_id":"NO-SUCH","side":"buy"}', "product_not_found", "product_id", "7"),
        ('{"request_id":"7","op":"place","product_id":"BTC-USD","side":"buy","size":1}', "wrong_type", "size", "7"),
        ('{"request_id":"7","op":"cancel","order_id":"x","more":1}', "unknown_field", "more", "7"),
        ('{"request_id":"7","op":"cancel","order_id":"x","account":"bob"}', "operator_only", "account", "7"),
        ('{"request_id":"7","op":"cancel","order_id":"x","idempotency_key":" "}', "invalid_idempotency_key", None, "7"),
        ('{"request_id":"","op":"cancel","order_id":"x"}', "invalid_value", "request_id", None),
    ],
)
def test_what_does_not_fit_is_named(text: str, code: str, field: str | None, request_id: str | None) -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        client.text(text)
        (found,) = await client.hear()
        assert found["code"] == code
        assert field is None or found["field"] == field
        assert found["request_id"] == (request_id or found["request_id"])
        assert len(found["request_id"]) <= 64
        assert await exchange.commands() == []

    on_a_socket(scenario)


def test_another_accounts_order_is_not_found() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        placed = await exchange.ask("POST", "/orders", ORDER, Outcry_Account="bob")
        client.send(request_id="1", op="cancel", order_id=placed.json()["id"])
        (found,) = await client.hear()
        assert (found["status"], found["code"]) == (404, "order_not_found")

    on_a_socket(scenario)


def test_what_was_certainly_not_taken_says_so() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        exchange.api.desk.intake.closed = True
        client.send(request_id="1", **PLACE)
        (found,) = await client.hear()
        assert (found["status"], found["code"]) == (503, "stopping")

    on_a_socket(scenario)


def test_binary_messages_end_the_socket() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        client.binary()
        async with asyncio.timeout(LIMIT_S):
            while client.wire.closed is None:
                await asyncio.sleep(0)
        assert client.wire.closed == (1003, "binary_message")

    on_a_socket(scenario)


def test_who_does_not_read_his_answers_is_hung_up_on() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        async with asyncio.timeout(LIMIT_S):
            while client.wire.closed is None:
                client.send(request_id="1", op="cancel", order_id="x")
                await asyncio.sleep(0)
        assert client.wire.closed == (1013, "slow_reader")

    on_a_socket(scenario, socket_bytes=2_000)


def test_the_end_is_announced_and_nothing_read_is_left_unanswered() -> None:
    async def scenario(exchange: Exchange, client: Trader) -> None:
        for number in range(20):
            client.send(request_id=str(number), **PLACE)
        await client.hear(20)
        closing = asyncio.create_task(exchange.api.sockets.close())
        (notice,) = await client.hear()
        assert notice == {"type": "closing", "reason": "restart", "after_ms": 5}
        client.send(request_id="late", **PLACE)
        (late,) = await client.hear()
        assert (late["request_id"], late["code"]) == ("late", "stopping")
        await closing
        assert client.wire.closed == (1012, "restart")
        async with trader(exchange) as refused:
            assert refused.refused
        assert len(await exchange.commands()) == 20

    on_a_socket(scenario, socket_notice_ms=5)


def test_there_are_so_many_sockets_and_no_more() -> None:
    async def run(exchange: Exchange) -> None:
        async with trader(exchange), trader(exchange) as second:
            assert second.refused == [{"type": "websocket.close", "code": 1008, "reason": "overloaded"}]
        async with trader(exchange) as third:
            third.send(request_id="1", **PLACE)
            assert (await third.hear())[0]["status"] == 202

    with_exchange(run, sockets=1)


def test_sockets_are_nowhere_else() -> None:
    async def run(exchange: Exchange) -> None:
        async with trader(exchange, "/ws/other") as found:
            assert found.refused == [{"type": "websocket.close", "code": 1008, "reason": "not_found"}]

    with_exchange(run)
