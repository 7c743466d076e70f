"""The requests of operators: list, change, halt and delist products. Each is a command like any other."""

from libs.access.caller import Caller, require_operator
from libs.events.partitioning import home
from libs.events.values import Product, TradingStatus
from libs.service import problems
from libs.service.problems import Problem
from services.order_api import product_rules, requests
from services.order_api.building import Builder
from services.order_api.intake import Intake
from services.order_api.intents import Intent, Taken
from services.order_api.registry import Registry, RegistryReader

_STATUSES = {
    "online": TradingStatus.ONLINE,
    "post_only": TradingStatus.POST_ONLY,
    "limit_only": TradingStatus.LIMIT_ONLY,
    "cancel_only": TradingStatus.CANCEL_ONLY,
    "halted": TradingStatus.HALTED,
}


class ProductCommands:
    """The operators' use cases."""

    def __init__(self, registry: Registry, reader: RegistryReader, builder: Builder, intake: Intake) -> None:
        self._registry = registry
        self._reader = reader
        self._builder = builder
        self._intake = intake

    async def list_product(self, body: bytes, who: Caller, key: str) -> Taken:
        require_operator(who)
        wanted = product_rules.listing(requests.list_product(body))
        await self._registry.settle(())
        if self._registry.find(wanted.product_id) and not key:
            raise Problem(problems.PRODUCT_EXISTS, f"{wanted.product_id} is listed", "id")
        partition = await self._partition(wanted.product_id)
        return await self._one(self._builder.list_product(wanted, partition, who.account, key))

    async def update(self, product_id: str, body: bytes, who: Caller, key: str) -> Taken:
        product = await self._product(product_id, who)
        changes = product_rules.changes(requests.update_product(body), product)
        return await self._one(self._builder.update_product(product, changes, who.account, key))

    async def set_status(self, product_id: str, body: bytes, who: Caller, key: str) -> Taken:
        product = await self._product(product_id, who)
        status = _STATUSES[requests.status(body).status]
        return await self._one(self._builder.set_status(product, status, who.account, key))

    async def delist(self, product_id: str, who: Caller, key: str) -> Taken:
        product = await self._product(product_id, who)
        return await self._one(self._builder.delist(product, who.account, key))

    async def _partition(self, product_id: str) -> int:
        """Where it lives or lived; of one that never did, where new ones go. Who learns the size may learn of the product."""
        if self._registry.recorded_partition(product_id) is None:
            await self._reader.learn_size()
        recorded = self._registry.recorded_partition(product_id)
        return home(product_id, self._registry.partitions) if recorded is None else recorded

    async def _product(self, product_id: str, who: Caller) -> Product:
        require_operator(who)
        if not product_rules.is_product_id(product_id):
            raise Problem(problems.INVALID_PRODUCT_ID, field="product_id")
        return await self._registry.wanted(product_id)

    async def _one(self, intent: Intent) -> Taken:
        (result,) = await self._intake.take((intent,))
        if isinstance(result, Problem):
            raise result
        return result
