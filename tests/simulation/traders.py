"""Who asks: traders and an operator, who repeat every request with its key until it is answered for good.

What they were told is kept as receipts: every 202 is a promise that the check holds the exchange to.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from libs.access.caller import Caller
from libs.events.ids import text
from libs.service.problems import Problem
from services.order_api.desk import Desk
from services.order_api.intents import Taken
from services.orderbook_worker.injecting import ALWAYS, ONCE
from tests.simulation.loop import pass_time

if TYPE_CHECKING:
    from tests.simulation.world import World

Answer: TypeAlias = Taken | Problem
Ask: TypeAlias = Callable[[Desk], Awaitable[Taken | Sequence[Answer]]]

ANSWER_S: Final = 1.0
"""So long a client waits for an answer. The request may be served later all the same."""
MOST_TRIES: Final = 300
_REQUESTS: Final = (4, 12)
_AGAIN: Final = 0.15
"""How often a request that was answered is sent once more, as by a client that lost the answer."""
_FAILING: Final = 0.2
"""Of the orders, where workers fail at all."""
_json: Final = msgspec.json.Encoder().encode


class Receipt(NamedTuple):
    """One 202."""

    account: str
    key: str
    partition: int
    offset: int
    command_id: bytes
    replayed: bool


class Client:
    """One account. `receipts` by key, every 202 of it in order."""

    def __init__(self, world: "World", account: str, chance: Random) -> None:
        self.account = account
        self.receipts: dict[str, list[Receipt]] = {}
        self.refused: dict[str, str] = {}
        """Keys that were refused for good, and why."""
        self.unanswered: str = ""
        """What was never answered though all was well in the end."""
        self.who = Caller(account, operator=False)
        self._world = world
        self._chance = chance
        self._count = 0

    def _key(self) -> str:
        self._count += 1
        return f"{self.account}-{self._count}"

    async def insist(self, key: str, ask: Ask) -> list[Taken]:
        """Until there is an answer that is final; then perhaps once more."""
        taken = await self._until_final(key, ask)
        if taken and self._chance.random() < _AGAIN:
            await self._until_final(key, ask, _is_retryable)  # a product that is asked about may be gone by then
        return taken

    async def _until_final(self, key: str, ask: Ask, is_open: Callable[[Answer], bool] | None = None) -> list[Taken]:
        is_open = is_open or _is_open
        unknown = False
        for _ in range(MOST_TRIES):
            answers = await self._once(ask)
            if unknown and answers and all(map(_is_gone, answers)):
                return []  # the product ended meanwhile, perhaps by this very request: nobody can say any more
            if answers is not None and not any(map(is_open, answers)):
                return self._final(key, answers)
            unknown |= answers is None or any(map(_is_unknown, answers))
            if answers is not None:
                self._final(key, [answer for answer in answers if isinstance(answer, Taken)])
            await pass_time(self._chance.uniform(0.01, 0.2))
        self.unanswered = f"{key} was not answered within {MOST_TRIES} tries"
        return []

    def _final(self, key: str, answers: Sequence[Answer]) -> list[Taken]:
        for at, answer in enumerate(answers):
            if isinstance(answer, Problem):
                self.refused[key] = answer.kind.code
                continue
            name = key if len(answers) == 1 else f"{key}#{at}"
            identity = answer.command.command_id
            receipt = Receipt(self.account, name, answer.partition, answer.offset, identity, answer.replayed)
            self.receipts.setdefault(name, []).append(receipt)
        return [answer for answer in answers if isinstance(answer, Taken)]

    async def _once(self, ask: Ask) -> list[Answer] | None:
        """None when no answer came."""
        machine = self._chance.choice(self._world.apis)
        desk = self._world.desks.get(machine.name)
        if desk is None or not machine.alive:
            return None
        answered: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._world.loop.create_task(self._serve(desk, ask, answered), context=machine.context)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answered
        except TimeoutError:
            return None

    async def _serve(self, desk: Desk, ask: Ask, answered: "asyncio.Future[list[Answer]]") -> None:
        """In the process of order_api."""
        answers: list[Answer]
        try:
            found = await ask(desk)
        except Problem as problem:
            answers = [problem]
        except Exception as error:  # noqa: BLE001  # whatever it is, no request may end so
            self._world.fail(f"a request ended with {type(error).__name__}: {error}")
            return
        else:
            answers = [found] if isinstance(found, Taken) else list(found)
        if not answered.done():
            answered.set_result(answers)


def _is_open(answer: Answer) -> bool:
    """A product that this process has not heard of yet may come."""
    return _is_retryable(answer) or _is_gone(answer)


def _is_gone(answer: Answer) -> bool:
    return isinstance(answer, Problem) and answer.kind.code == "product_not_found"


def _is_unknown(answer: Answer) -> bool:
    return isinstance(answer, Problem) and answer.kind.code == "outcome_unknown"


def _is_retryable(answer: Answer) -> bool:
    return isinstance(answer, Problem) and answer.kind.retryable


class Operator(Client):
    """Lists the products, and changes them now and then."""

    def __init__(self, world: "World", chance: Random) -> None:
        super().__init__(world, "operator", chance)
        self.who = Caller(self.account, operator=True)

    async def run(self, products: Sequence[str]) -> None:
        for name in products:
            await self._list(name)
        self._world.listed.set()
        for _ in range(self._chance.randint(0, 3)):
            await pass_time(self._chance.uniform(0.1, 0.5))
            await self._change(self._chance.choice(products))
        for name in products:
            await self._set_status(name, "online")

    async def _change(self, name: str) -> None:
        drawn = self._chance.random()
        if drawn < 0.4:
            await self._set_status(
                name, self._chance.choice(("post_only", "limit_only", "cancel_only", "halted", "online"))
            )
        elif drawn < 0.8:
            body = _json({"max_open_orders": self._chance.randint(3, 9)})
            await self._send(lambda desk, key: desk.products.update(name, body, self.who, key))
        else:
            await self._send(lambda desk, key: desk.products.delist(name, self.who, key))
            await self._list(name)

    async def _list(self, name: str) -> None:
        names = {"id": name, "base_currency": name[:2], "quote_currency": "USD"}
        body = _json(names | {"quote_increment": "1", "base_increment": "1"})
        await self._send(lambda desk, key: desk.products.list_product(body, self.who, key))

    async def _set_status(self, name: str, status: str) -> None:
        body = _json({"status": status})
        await self._send(lambda desk, key: desk.products.set_status(name, body, self.who, key))

    async def _send(self, ask: Callable[[Desk, str], Awaitable[Taken]]) -> None:
        key = self._key()
        await self.insist(key, lambda desk: ask(desk, key))


class Trader(Client):
    """Places, amends and cancels, all around one price, so that most of it meets."""

    def __init__(self, world: "World", account: str, chance: Random, products: Sequence[str]) -> None:
        super().__init__(world, account, chance)
        self._products = products
        self._placed: list[tuple[str, str]] = []
        """Product and order id."""

    async def run(self) -> None:
        for _ in range(self._chance.randint(*_REQUESTS)):
            await pass_time(self._chance.uniform(0.0, 0.15))
            await self._request()

    async def _request(self) -> None:
        drawn, name = self._chance.random(), self._chance.choice(self._products)
        if drawn < 0.55 or not self._placed:
            await self._place(name)
        elif drawn < 0.65:
            await self._batch(name)
        elif drawn < 0.77:
            await self._amend()
        elif drawn < 0.9:
            await self._cancel()
        elif drawn < 0.95:
            await self._cancel_all(name)
        else:
            await self._switch(name)

    async def _place(self, name: str) -> None:
        key = self._key()
        body = _json(self._order(name) | {"client_oid": self._fault() + key})
        for taken in await self.insist(key, lambda desk: desk.commands.place(body, self.who, "")):
            self._placed.append((name, text(taken.command.order_id)))

    async def _batch(self, name: str) -> None:
        key = self._key()
        items = [self._order(name) | {"op": "place"} for _ in range(self._chance.randint(2, 4))]
        if self._placed:
            product, order_id = self._chance.choice(self._placed)
            items.append({"op": "cancel", "order_id": order_id, "product_id": product})
        body = _json({"orders": items})
        for taken in await self.insist(key, lambda desk: desk.commands.batch(body, self.who, key)):
            self._placed.append((taken.product_id, text(taken.command.order_id)))

    async def _amend(self) -> None:
        key = self._key()
        product, order_id = self._chance.choice(self._placed)
        body = _json({"size": str(self._chance.randint(1, 8)), "price": self._price()})
        await self.insist(key, lambda desk: desk.commands.amend(order_id, product, body, self.who, key))

    async def _cancel(self) -> None:
        key = self._key()
        product, order_id = self._chance.choice(self._placed)
        await self.insist(key, lambda desk: desk.commands.cancel(order_id, product, self.who, key))

    async def _cancel_all(self, name: str) -> None:
        key = self._key()
        side = self._chance.choice((None, "buy", "sell"))
        await self.insist(key, lambda desk: desk.commands.cancel_all(name, side, self.who, key))

    async def _switch(self, name: str) -> None:
        key = self._key()
        body = _json({"product_id": name, "timeout": self._chance.choice((0, 1, 2, 5))})
        await self.insist(key, lambda desk: desk.commands.cancel_all_after(body, self.who, key))

    def _fault(self) -> str:
        """What makes the workers fail at an order, as the beginning of its name."""
        prefix = self._world.fault_prefix
        if not prefix or self._chance.random() >= _FAILING:
            return ""
        return f"{prefix}{self._chance.choice((ONCE, ALWAYS))}-"

    def _order(self, name: str) -> dict[str, Any]:
        chance = self._chance
        side, size = chance.choice(("buy", "sell")), str(chance.randint(1, 6))
        order: dict[str, Any] = {"product_id": name, "side": side, "size": size}
        drawn = chance.random()
        if drawn < 0.08:
            return order | {"type": "market"}
        if drawn < 0.16:
            return order | {"type": "stop", "stop_price": self._price()}
        order |= {"type": "limit", "price": self._price(), "stp": chance.choice(("dc", "co", "cn", "cb"))}
        if drawn < 0.3:
            order["time_in_force"] = chance.choice(("IOC", "FOK"))
        elif drawn < 0.4:
            order |= {"size": "6", "max_floor": "2"}
        elif drawn < 0.5:
            order["post_only"] = True
        return order

    def _price(self) -> str:
        return str(self._chance.randint(96, 104))
