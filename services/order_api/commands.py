"""The requests of traders, from bytes to results: `POST`, `PATCH` and `DELETE` on orders, one at a time or in batches.

These functions know nothing of ASGI. Each raises Problem when the request as a whole is refused.
"""

from collections.abc import Iterable, Sequence

from libs.access.caller import Caller, is_account
from libs.events.ids import number_of
from libs.events.values import NO_ID, Product, Side
from libs.service import problems
from libs.service.problems import Problem
from services.order_api import requests
from services.order_api.building import SIDES, Builder, check_client_oid, order_id
from services.order_api.intake import Intake, Result
from services.order_api.intents import Intent, Taken, Target
from services.order_api.registry import Registry, dashed
from services.order_api.requests import AmendItem, CancelItem, Item, PlaceItem


class Commands:
    """The write side's use cases."""

    def __init__(self, registry: Registry, builder: Builder, intake: Intake, batch_items: int) -> None:
        self._registry = registry
        self._builder = builder
        self._intake = intake
        self._batch_items = batch_items

    async def place(self, body: bytes, who: Caller, key: str) -> Taken:
        request = requests.place(body)
        product = self._registry.find(request.product_id) or await self._registry.wanted(request.product_id)
        return await self._one(self._builder.place(request, product, who.account, key))

    async def amend(self, name: str, product_id: str | None, body: bytes, who: Caller, key: str) -> Taken:
        request = requests.amend(body)
        target = await self._named(name, product_id)
        return await self._one(self._builder.amend(target, request, who.account, key))

    async def cancel(self, name: str, product_id: str | None, who: Caller, key: str) -> Taken:
        target = await self._named(name, product_id)
        return await self._one(self._builder.cancel(target, who.account, key))

    async def cancel_all(self, product_id: str | None, side: str | None, who: Caller, key: str) -> list[Result]:
        """In one product, or in every product known: then not atomic, with a result each."""
        wanted = _side(side)
        if product_id is not None:
            products: Sequence[Product] = [await self._registry.wanted(product_id)]
        else:
            await self._registry.settle(())
            products = self._registry.products()
        if not products:
            return []
        return await self._intake.take(
            [self._builder.cancel_all(product, wanted, who.account, key) for product in products]
        )

    async def cancel_all_after(self, body: bytes, who: Caller, key: str) -> Taken:
        request = requests.cancel_all_after(body)
        product = await self._registry.wanted(request.product_id)
        return await self._one(self._builder.cancel_all_after(product, request.timeout, who.account, key))

    async def batch(self, body: bytes, who: Caller, key: str) -> list[Result]:
        """A result an item, in order. An item that is refused stops no other."""
        items = requests.batch(body, self._batch_items)
        return await self.items(items, [f"{key}#{index}" if key else "" for index in range(len(items))], who)

    async def items(self, items: Sequence[Item | Problem], keys: Sequence[str], who: Caller) -> list[Result]:
        """Each with its own key. What is of one partition reaches the log in this order."""
        await self._settle_unknown(items)
        prepared = [self._prepared(item, who, key) for item, key in zip(items, keys, strict=True)]
        intents = [each for each in prepared if isinstance(each, Intent)]
        taken = iter(await self._intake.take(intents) if intents else ())
        return [next(taken) if isinstance(each, Intent) else each for each in prepared]

    async def _one(self, intent: Intent) -> Taken:
        (result,) = await self._intake.take((intent,))
        if isinstance(result, Problem):
            raise result
        return result

    def _prepared(self, item: Item | Problem, who: Caller, key: str) -> Intent | Problem:
        if isinstance(item, Problem):
            return item
        try:
            account = who.account if item.account is None else _acting_for(item.account, who)
            if isinstance(item, PlaceItem):
                return self._builder.place(item, self._registry.listed(item.product_id), account, key)
            target = self._target(item)
            if isinstance(item, AmendItem):
                return self._builder.amend(target, item, account, key)
            return self._builder.cancel(target, account, key)
        except Problem as problem:
            return problem

    def _target(self, item: AmendItem | CancelItem) -> Target:
        if item.order_id is not None:
            if item.client_oid is not None:
                raise Problem(problems.ORDER_NAME, "it is named twice", "client_oid")
            return self._by_id(order_id(item.order_id), item.product_id)
        if item.client_oid is None:
            raise Problem(problems.ORDER_NAME, field="order_id")
        if item.product_id is None:
            raise Problem(problems.ORDER_NAME, field="product_id")
        return Target(self._registry.listed(item.product_id), NO_ID, check_client_oid(item.client_oid))

    async def _named(self, name: str, product_id: str | None) -> Target:
        """The order a path names: an id, or `client:` and a client_oid."""
        if name.startswith("client:"):
            client_oid = check_client_oid(name.removeprefix("client:"))
            if product_id is None:
                raise Problem(problems.ORDER_NAME, field="product_id")
            return Target(await self._registry.wanted(product_id), NO_ID, client_oid)
        identity = order_id(name)
        if self._registry.find_number(number_of(identity)) is None:
            await self._registry.settle((), (number_of(identity),))
        return self._by_id(identity, product_id)

    def _by_id(self, identity: bytes, product_id: str | None) -> Target:
        product = self._registry.find_number(number_of(identity))
        if product is None or (product_id is not None and dashed(product_id) != product.product_id):
            raise Problem(problems.ORDER_NOT_FOUND, field="order_id")
        return Target(product, identity, "")

    async def _settle_unknown(self, items: Iterable[Item | Problem]) -> None:
        """One wait for all products of a batch that are not known yet."""
        names: set[str] = set()
        numbers: set[int] = set()
        for item in items:
            if isinstance(item, PlaceItem):
                names.add(dashed(item.product_id))
            elif not isinstance(item, Problem):
                _add_product(item, names, numbers)
        names = {name for name in names if self._registry.find(name) is None}
        numbers = {number for number in numbers if self._registry.find_number(number) is None}
        if names or numbers or not self._registry.loaded:
            await self._registry.settle(names, numbers)


def _add_product(item: AmendItem | CancelItem, names: set[str], numbers: set[int]) -> None:
    if item.order_id is not None:
        try:
            numbers.add(number_of(order_id(item.order_id)))
        except Problem:  # it is refused when its turn comes
            return
    elif item.product_id is not None:
        names.add(dashed(item.product_id))


def _acting_for(account: str, who: Caller) -> str:
    if not who.operator:
        raise Problem(problems.OPERATOR_ONLY, "only an operator may act for another account", "account")
    if not is_account(account):
        raise Problem(problems.INVALID_ACCOUNT, field="account")
    return account


def _side(text: str | None) -> Side | None:
    if text is None:
        return None
    if text not in SIDES:
        raise Problem(problems.INVALID_PARAMETER, "side is buy or sell", "side")
    return SIDES[text]
