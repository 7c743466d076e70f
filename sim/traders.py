"""Simulated traders, so that there is always a live market to look at: makers who quote, takers who hit them, and
chasers whose stops wait for the market to move.

Seeded: the same seed on the same book does the same. Bounded: a maker has at most `QUOTES` orders, a chaser `STOPS`, a
taker none that rests, and one request is in flight. They use what every client has, under accounts of their own, now
and then a dead-man switch too, and wait where the exchange is away. A fair price that wanders, and takers who lean
towards it, move the market.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from sim.exchange import Exchange, Refused, Ticker, Unavailable, persistently
from sim.live import Live
from sim.market import Market
from sim.runs import Rate

MAKERS: Final = 6
TAKERS: Final = 4
CHASERS: Final = 2
QUOTES: Final = 24
"""Orders a maker has in one product at most."""
STOPS: Final = 8
"""Orders a chaser has in one product at most."""
ICEBERGS: Final = 0.2
"""Of a maker's quotes: they show a part of their size at a time."""
SHORT_LIVED: Final = 0.2
"""Of a maker's quotes: they end by themselves if nobody takes them back in time."""
AMENDED: Final = 0.2
"""Of a maker's turns: it makes one of its quotes larger or smaller."""
HEDGED: Final = 0.1
"""Of a maker's turns: it takes too, and may meet its own quotes."""
SWITCHED: Final = 0.02
"""Of all turns: the trader's orders end unless it asks again within `SWITCH_S`."""
SWITCH_S: Final = 60
DEFAULT_RATE: Final = 40.0
MOST_RATE: Final = 1_000.0
START_CENTS: Final = 7_800_000
"""Where a market begins that has no price yet."""
WANDER_CENTS: Final = 120.0
PATIENCE_S: Final = 30.0
SHOW_EVERY_S: Final = 0.5
ITEMS_A_TURN: Final = 3.0
"""Orders in a request, on average: a maker's two quotes and two cancels, a taker's one; a chaser's are as a maker's."""

Item = dict[str, str | bool]


class Trader(Protocol):
    """Somebody with an account. `turn` is what it wants now, at a fair price and a market in cents."""

    account: str

    def turn(self, product: str, fair: int, bid: int, ask: int) -> list[Item]: ...


class Maker:
    """Quotes both sides around the fair price, never crossing, and takes its oldest quotes back."""

    def __init__(self, number: int, run: str, rng: random.Random) -> None:
        self.account = f"maker-{number}"
        self._prefix = f"m{number}-{run}"
        self._rng = rng
        self._count = 0
        self._quotes: dict[str, deque[str]] = {}

    def turn(self, product: str, fair: int, bid: int, ask: int) -> list[Item]:
        quotes = self._quotes.setdefault(product, deque())
        items: list[Item] = []
        while len(quotes) > QUOTES - 2:
            items.append({"op": "cancel", "product_id": product, "client_oid": quotes.popleft()})
        away = 1 + int(self._rng.expovariate(1 / 400))
        for side, price in (("buy", min(fair - away, ask - 1)), ("sell", max(fair + away, bid + 1))):
            self._count += 1
            quotes.append(f"{self._prefix}-{self._count}")
            size = self._rng.lognormvariate(-3, 1)
            item: Item = {
                "op": "place", "product_id": product, "side": side, "type": "limit", "price": _dollars(max(price, 1)),
                "size": _coins(size), "post_only": True, "client_oid": quotes[-1],
            }  # fmt: skip
            items.append(item | self._manner(size))
        return items + self._amended(product, quotes) + self._hedge(product, bid, ask)

    def _amended(self, product: str, quotes: deque[str]) -> list[Item]:
        if self._rng.random() >= AMENDED:
            return []
        size = _coins(self._rng.lognormvariate(-3, 1))
        return [{"op": "amend", "product_id": product, "client_oid": self._rng.choice(quotes), "size": size}]

    def _hedge(self, product: str, bid: int, ask: int) -> list[Item]:
        if self._rng.random() >= HEDGED:
            return []
        self._count += 1
        side, price = self._rng.choice((("buy", ask), ("sell", bid)))
        return [
            {
                "op": "place", "product_id": product, "side": side, "type": "limit", "price": _dollars(price),
                "size": _coins(self._rng.lognormvariate(-3, 1)), "time_in_force": "IOC",
                "stp": self._rng.choice(("dc", "co", "cn", "cb")), "client_oid": f"{self._prefix}-{self._count}",
            }
        ]  # fmt: skip

    def _manner(self, size: float) -> Item:
        """Most quotes are plain."""
        manner: Item = {}
        if self._rng.random() < ICEBERGS:
            manner |= {"max_floor": _coins(size / 4)}
        if self._rng.random() < SHORT_LIVED:
            manner |= {"time_in_force": "GTT", "cancel_after": "min"}
        return manner


class Taker:
    """Takes what is there, the more willingly the further the market is from the fair price."""

    def __init__(self, number: int, run: str, rng: random.Random) -> None:
        self.account = f"taker-{number}"
        self._prefix = f"t{number}-{run}"
        self._rng = rng
        self._count = 0

    def turn(self, product: str, fair: int, bid: int, ask: int) -> list[Item]:
        lean = max(-0.45, min(0.45, (fair - (bid + ask) / 2) / 2_000))
        buys = self._rng.random() < 0.5 + lean
        self._count += 1
        item: Item = {
            "op": "place", "product_id": product, "side": "buy" if buys else "sell",
            "size": _coins(self._rng.lognormvariate(-4, 1)), "client_oid": f"{self._prefix}-{self._count}",
        }  # fmt: skip
        if self._rng.random() < 0.3:
            return [item | {"type": "market"}]
        price = _dollars(ask if buys else bid)
        return [item | {"type": "limit", "price": price, "time_in_force": "IOC"}]


class Chaser:
    """Joins a move once it is there: stops on both sides of the market, the oldest of which it takes back."""

    def __init__(self, number: int, run: str, rng: random.Random) -> None:
        self.account = f"chaser-{number}"
        self._prefix = f"c{number}-{run}"
        self._rng = rng
        self._count = 0
        self._stops: dict[str, deque[str]] = {}

    def turn(self, product: str, fair: int, bid: int, ask: int) -> list[Item]:
        stops = self._stops.setdefault(product, deque())
        items: list[Item] = []
        while len(stops) > STOPS - 2:
            items.append({"op": "cancel", "product_id": product, "client_oid": stops.popleft()})
        away = 500 + int(self._rng.expovariate(1 / 1_000))
        for side, price, worst in (("buy", ask + away, ask + 2 * away), ("sell", bid - away, bid - 2 * away)):
            self._count += 1
            stops.append(f"{self._prefix}-{self._count}")
            item: Item = {
                "op": "place", "product_id": product, "side": side, "type": "stop", "stop_price": _dollars(max(price, 1)),
                "size": _coins(self._rng.lognormvariate(-4, 1)), "stp": "cn", "client_oid": stops[-1],
            }  # fmt: skip
            limited: Item = {"type": "stop_limit", "price": _dollars(max(worst, 1)), "time_in_force": "IOC"}
            items.append(item | limited if self._rng.random() < 0.5 else item)
        return items


class Floor:
    """All traders on all products."""

    def __init__(self, exchange: Exchange, products: Sequence[str], seed: int, run: str = "") -> None:
        """`run` keeps the names of orders apart from those of an earlier run."""
        self._exchange = exchange
        self._products = products
        self._rng = random.Random(seed)  # noqa: S311  a market, no secret
        self._run = run or f"{int(time.time()):x}"
        self._turns = 0
        self._fair: dict[str, float] = {}
        self._traders: list[Trader] = [Maker(number, self._run, self._rng) for number in range(1, MAKERS + 1)]
        self._traders += [Taker(number, self._run, self._rng) for number in range(1, TAKERS + 1)]
        self._traders += [Chaser(number, self._run, self._rng) for number in range(1, CHASERS + 1)]
        self.sent = 0
        self.asked: dict[int, int] = {}
        """The last offset that was answered, by partition."""
        self.trouble = ""
        """Why nothing goes on, when nothing does."""

    async def clear(self) -> None:
        """Take back what an earlier run has left in the book."""
        for trader in self._traders:
            for product in self._products:
                await self._patiently(trader, product)

    async def _patiently(self, trader: Trader, product: str) -> None:
        await persistently(lambda: self._exchange.cancel_all(product, trader.account), PATIENCE_S)

    async def trade(self, rate: float) -> None:
        """At most `rate` orders a second, until cancelled."""
        pause = ITEMS_A_TURN / rate
        while True:
            began = time.monotonic()
            try:
                await self.turn()
                self.trouble = ""
            except (Unavailable, Refused) as trouble:  # away, or halted by an operator: it may come back
                self.trouble = str(trouble)
            await asyncio.sleep(max(0.0, began + pause - time.monotonic()))

    async def turn(self) -> None:
        """One trader's turn on one product."""
        product, trader = self._rng.choice(self._products), self._rng.choice(self._traders)
        bid, ask = self._touch(product, await self._exchange.ticker(product))
        fair = self._fair[product] = self._fair.get(product, (bid + ask) / 2) + self._rng.gauss(0, WANDER_CENTS)
        items = trader.turn(product, int(fair), bid, ask)
        if self._rng.random() < SWITCHED:
            await persistently(lambda: self._exchange.cancel_all_after(product, trader.account, SWITCH_S), PATIENCE_S)
        self._turns += 1
        body, key = msgspec.json.encode({"orders": items}), f"{self._run}-{self._turns}"
        results = await persistently(lambda: self._exchange.batch(body, key, trader.account), PATIENCE_S)
        self.sent += len(items)
        for result in results:
            if result.status != 202:
                raise Refused(f"a trader's order was refused: {result.code} {result.field}")
            partition, _, offset = result.position.partition(":")
            self.asked[int(partition)] = max(self.asked.get(int(partition), -1), int(offset))

    def _touch(self, product: str, ticker: Ticker) -> tuple[int, int]:
        """Best bid and ask in cents; one cent around the last or the fair price where there is none."""
        middle = _cents(ticker.price) or int(self._fair.get(product, START_CENTS))
        bid, ask = _cents(ticker.bid), _cents(ticker.ask)
        return bid or min(middle, ask - 1 if ask else middle), ask or max(middle, bid) + 1


async def trade(exchange: Exchange, live: Live, products: Sequence[str], rate: float, seed: int) -> None:
    """Until cancelled."""
    floor = Floor(exchange, products, seed)
    await floor.clear()
    live.say(
        f"{MAKERS} makers, {TAKERS} takers and {CHASERS} chasers trade on {', '.join(products)}; look at {exchange.url}/products"
    )
    market, measured = Market(exchange, products, lambda: floor.asked), Rate()
    async with asyncio.TaskGroup() as group:
        group.create_task(floor.trade(rate))
        group.create_task(market.watch())
        while True:
            per_second = measured.of(floor.sent)
            live.show(floor.trouble[:120] or f"trading | {per_second:,.0f} orders/s | {market.line(per_second)}")
            await asyncio.sleep(SHOW_EVERY_S)


def _cents(text: str | None) -> int:
    """Of a price with two decimals; 0 of none."""
    return int(text.replace(".", "")) if text else 0


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _coins(size: float) -> str:
    """A size the exchange takes: eight decimals, above zero."""
    units = max(1_000, min(int(size * 10**8), 5 * 10**8))
    return f"{units // 10**8}.{units % 10**8:08}"
