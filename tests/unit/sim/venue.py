"""An exchange in one object, behind the HTTP client of the simulation: the real engine, and none of the machinery.

It keeps every command and event as the log would, so that the check's own code can be run over them, and loses
answers, refuses and dies where a test plans it.
"""

from collections import Counter
from typing import Final, NamedTuple

import httpx
import msgspec

from libs.events import ids
from libs.events.codec import encode
from libs.events.commands import (
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
)
from libs.events.decimals import places, to_integer, to_text
from libs.events.events import AnyEvent, OrderDone, TradeExecuted
from libs.events.values import NO_ID, OrderType, SelfTradePrevention, Side, TimeInForce, TradingStatus
from libs.matching.engine import Engine
from sim.check.commands import Commands
from sim.check.outcomes import Outcomes

START: Final = 1_800_000_000_000_000_000
STEP: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
PARTITION: Final = 3


class Stored(NamedTuple):
    """A record, as far as the check looks at it."""

    offset: int
    value: bytes
    topic: str = "memory"
    partition: int = PARTITION
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Venue:
    """One partition. `faults` maps the number of a batch request, from 1, to what becomes of it."""

    def __init__(self, faults: dict[int, str] | None = None) -> None:
        self.engine = Engine(PARTITION)
        self.commands: list[AnyCommand] = []
        self.events: list[AnyEvent] = list(self.engine.adopt_rules())
        self.paths: Counter[str] = Counter()
        self._faults = faults or {}
        self._scales = (2, 8)
        """Of prices and sizes of the product."""
        self._batches = 0
        self._answers: dict[tuple[str, str], dict[str, object]] = {}
        self._orders: dict[tuple[str, str], list[int]] = {}
        self._names: dict[bytes, tuple[str, str]] = {}

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def checked(self) -> Outcomes:
        """Everything that happened, through the check. Raises Difference."""
        asked = Commands(PARTITION)
        asked.add(
            [
                Stored(offset, encode(command), timestamp=(START + offset * STEP) // 1_000_000)
                for offset, command in enumerate(self.commands)
            ]
        )
        outcomes = Outcomes(asked, PARTITION)
        for offset, event in enumerate(self.events):
            outcomes.read(Stored(offset, encode(event)))
        assert outcomes.between
        assert outcomes.command + 1 == len(self.commands)
        return outcomes

    def records(self) -> list[bytes]:
        return [encode(event) for event in self.events]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths[f"{request.method} {path.partition(':')[0]}"] += 1
        account = request.headers.get("Outcry-Account", "demo")
        if path == "/orders/batch":
            return self._batch(request, account)
        if path == "/products":
            return self._list(msgspec.json.decode(request.content))
        if path == "/positions":
            return httpx.Response(200, json=[{"partition": PARTITION, "command_offset": len(self.commands) - 1}])
        if path.startswith("/orders/client:"):
            return self._order(account, path.removeprefix("/orders/client:"))
        if path == "/orders" and request.method == "DELETE":
            self._take(CancelAllOrders(*self._envelope(account, ""), None))
            return httpx.Response(202, json={})
        if path == "/cancel-all-after":
            timeout = msgspec.json.decode(request.content)["timeout"]
            self._take(ArmCancelAllAfter(*self._envelope(account, ""), timeout * SECOND))
            return httpx.Response(202, json={})
        if path.endswith("/status"):
            status = TradingStatus[msgspec.json.decode(request.content)["status"].upper()]
            self._take(SetTradingStatus(*self._envelope("op", ""), status))
            return httpx.Response(202, json={})
        return self._product(path)

    def _batch(self, request: httpx.Request, account: str) -> httpx.Response:
        self._batches += 1
        fault = self._faults.get(self._batches, "")
        if fault == "refused connection":
            raise httpx.ConnectError("planned")
        if fault == "503":
            return httpx.Response(503, json={"retryable": True, "code": "not_taken"})
        if fault == "409":
            return httpx.Response(409, json={"retryable": True, "code": "request_in_flight"})
        key = request.headers["Idempotency-Key"]
        items = msgspec.json.decode(request.content)["orders"]
        results = [self._item(item, account, f"{key}#{at}") for at, item in enumerate(items)]
        if fault == "lost answer":
            raise httpx.ReadError("planned")
        if fault == "half":
            results[-1] = {"status": 503, "code": "outcome_unknown", "retryable": True}
        return httpx.Response(200, json={"results": results})

    def _item(self, item: dict[str, object], account: str, key: str) -> dict[str, object]:
        account = str(item.get("account", account))
        if item["op"] == "place":
            key = str(item["client_oid"])
        if (account, key) in self._answers:
            return self._answers[account, key] | {"replayed": True}
        if "size" in item and not to_integer(str(item["size"]), self._scales[1]):
            return {"status": 400, "code": "not_positive", "field": "size"}
        offset = self._take(self._command(item, account))
        command = self.commands[offset]
        found = {"status": 202, "command_id": ids.text(command.command_id), "position": f"{PARTITION}:{offset}"}
        self._answers[account, key] = dict(found)
        return dict(found)

    def _command(self, item: dict[str, object], account: str) -> AnyCommand:
        envelope = self._envelope(account, str(item["client_oid"]))
        if item["op"] == "cancel":
            return CancelOrder(*envelope)
        if item["op"] == "amend":
            return AmendOrder(*envelope, None, to_integer(str(item["size"]), self._scales[1]))
        command_id, number = envelope[0], envelope[2]
        key = ids.key_digest(account, number, str(item["client_oid"]))
        return PlaceOrder(
            command_id, account, number, command_id, str(item["client_oid"]), key, envelope[6], 0, None,
            Side.BUY if item["side"] == "buy" else Side.SELL,
            OrderType.LIMIT if item["type"] in {"limit", "stop_limit"} else OrderType.MARKET,
            to_integer(str(item.get("price", "0")), self._scales[0]), to_integer(str(item["size"]), self._scales[1]), 0,
            TimeInForce[str(item.get("time_in_force", "GTC")).replace("GTT", "GTD")], bool(item.get("post_only", False)),
            SelfTradePrevention[str(item.get("stp", "dc")).upper()],
            to_integer(str(item.get("stop_price", "0")), self._scales[0]),
            to_integer(str(item.get("max_floor", "0")), self._scales[1]),
            envelope[6] + MINUTE if "cancel_after" in item else 0,
        )  # fmt: skip

    def _envelope(self, account: str, client_oid: str) -> tuple[bytes, str, int, bytes, str, int, int, int, None]:
        number = next(iter(self.engine.state.products), 0)
        sent = START + len(self.commands) * STEP
        identity = ids.mint(sent // 1_000_000, len(self.commands), number)
        return identity, account, number, NO_ID, client_oid, 0, sent, 0, None

    def _take(self, command: AnyCommand) -> int:
        offset = len(self.commands)
        self.commands.append(command)
        found = self.engine.handle(command, offset, START + offset * STEP)
        self.events += found
        if isinstance(command, PlaceOrder):
            self._names[command.order_id] = (command.account, command.client_oid)
            self._orders.setdefault((command.account, command.client_oid), [0, 0])
        for event in found:
            if isinstance(event, TradeExecuted):
                for order in (event.maker_order_id, event.taker_order_id):
                    self._orders[self._names[order]][0] += event.size
            elif isinstance(event, OrderDone):
                self._orders[self._names[event.order_id]][1] = 1
        return offset

    def _list(self, body: dict[str, str]) -> httpx.Response:
        envelope = self._envelope("op", "")
        self._scales = (places(body["quote_increment"]), places(body["base_increment"]))
        offset = self._take(
            ListProduct(*envelope, body["id"], body["base_currency"], body["quote_currency"], *self._scales, 1, 1)
        )
        return httpx.Response(202, headers={"outcry-position": f"{PARTITION}:{offset}"}, json={})

    def _order(self, account: str, client_oid: str) -> httpx.Response:
        found = self._orders.get((account, client_oid))
        if found is None:
            return httpx.Response(404, json={"code": "order_not_found", "retryable": False})
        return httpx.Response(
            200, json={"filled_size": to_text(found[0], self._scales[1]), "status": "done" if found[1] else "open"}
        )

    def _product(self, path: str) -> httpx.Response:
        books = [book for book in self.engine.state.products.values() if f"/{book.product.product_id}" in path]
        if not books:
            return httpx.Response(404, json={"code": "product_not_found", "retryable": False})
        book = books[0]
        bid, ask = book.bids.best, book.asks.best
        prices = {
            "bid": to_text(bid.price, 2) if bid else None,
            "ask": to_text(ask.price, 2) if ask else None,
            "price": to_text(book.last_price, 2) if book.last_price else None,
            "trade_id": book.trade_id,
        }
        return httpx.Response(200, json=prices)
