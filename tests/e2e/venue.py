"""A market of one test's own on a running exchange, seen as a client sees it: requests in, GET out."""

import time
from collections.abc import Callable
from itertools import count
from typing import Final, TypeAlias

import httpx

Json: TypeAlias = dict[str, object]
PATIENCE_S: Final = 15.0
LOOK_S: Final = 0.02
_numbers: Final = count(1)


class Venue:
    """One product. Every read waits for the last request that was answered."""

    def __init__(self, url: str, **limits: object) -> None:
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False)
        self._position = ""
        self.product_id = f"RULE{next(_numbers)}-USD"
        currencies = {"base_currency": "R", "quote_currency": "USD"}
        increments = {"quote_increment": "0.01", "base_increment": "0.001"}
        self.ask("POST", "/products", "", {"id": self.product_id} | currencies | increments | limits)

    @property
    def position(self) -> str:
        """Of the last request that was answered."""
        return self._position

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, account: str, body: Json | None = None) -> Json:
        """The answer of the write side; without an account, as an operator."""
        headers = {"Outcry-Account": account} if account else {"Outcry-Role": "operator"}
        answer = self._http.request(method, path, json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        self._position = answer.headers["outcry-position"]
        found: Json = answer.json()
        return found

    def place(self, account: str, side: str, size: str = "1", price: str | None = None, **more: object) -> str:
        """The order's id. A limit order where there is a price, else a market order."""
        kind = {"type": "limit", "price": price} if price else {"type": "market"}
        body = {"product_id": self.product_id, "side": side, "size": size} | kind | more
        return str(self.ask("POST", "/orders", account, body)["id"])

    def amend(self, account: str, order_id: str, **changes: object) -> None:
        self.ask("PATCH", f"/orders/{order_id}", account, changes)

    def cancel(self, account: str, order_id: str) -> None:
        self.ask("DELETE", f"/orders/{order_id}", account)

    def trade_at(self, price: str) -> None:
        """Between two accounts of their own, so that this is the last trade's price."""
        self.place("left", "sell", "1", price)
        self.place("right", "buy", "1", price, time_in_force="IOC")

    def get(self, path: str, account: str) -> httpx.Response:
        headers = {"Outcry-Account": account, "Outcry-Position": self._position}
        answer = self._http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    def order(self, account: str, order_id: str) -> Json:
        found: Json = self.get(f"/orders/{order_id}", account).json()
        return found

    def shown(self, account: str, order_id: str, *fields: str) -> tuple[object, ...]:
        """These fields of an order; None of one that it has not."""
        found = self.order(account, order_id)
        return tuple(found.get(field) for field in fields)

    def orders(self, account: str, query: str = "") -> list[object]:
        """Ids, newest first."""
        found = self.get(f"/orders?product_id={self.product_id}{query}", account).json()
        return [order["id"] for order in found]

    def events(self, account: str, order_id: str) -> list[object]:
        return [event["type"] for event in self.get(f"/orders/{order_id}/events", account).json()]

    def queue(self, side: str) -> list[tuple[str, str, str]]:
        """Level 3: price, size and id of every order that is shown, best first."""
        return [tuple(row) for row in self.get(f"/products/{self.product_id}/book?level=3", "anybody").json()[side]]

    def levels(self, side: str) -> list[tuple[str, str, int]]:
        """Level 2: price, size, count."""
        return [tuple(row) for row in self.get(f"/products/{self.product_id}/book?level=2", "anybody").json()[side]]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
            time.sleep(LOOK_S)
