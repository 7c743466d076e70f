"""Products as the log's registry has them: read to its end at the start, then followed.

The topic `products` is compacted and written in the transaction that lists or changes a product, so whoever reads it
committed never knows of a product that does not exist. A delisted product keeps its partition for ever.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from libs.events.codec import Unreadable, decode_product
from libs.events.topics import CLUSTER_PARTITION, PRODUCTS
from libs.events.values import Product, TradingStatus
from libs.kafka.cluster import expect, of_record
from libs.kafka.ports import Log, LogReader, Record
from libs.service import problems
from libs.service.failures import Fatal, Transient
from libs.service.health import Health
from libs.service.logging import Log as Logger
from libs.service.problems import Problem
from libs.service.waiting import until_set
from services.order_api.settings import OrderApiSettings

_ASPECT = "registry"
_POLL_RECORDS = 1_000


def dashed(product_id: str) -> str:
    """A product's id, of the symbol that trading libraries have for it."""
    return product_id.replace("/", "-")


class Registry:
    """Products by id and by number. `find` answers from memory; `wanted` may wait for one that is new."""

    def __init__(self, wait_s: float) -> None:
        self.loaded = False
        self.waiting = 0
        """Requests that wait for a product just now."""
        self._wait_s = wait_s
        self._by_id: dict[str, Product] = {}
        self._by_number: dict[int, Product] = {}
        self._partitions: dict[str, int] = {}
        self.announced = 0
        """Partitions of the cluster, as the newest record about it says,"""
        self.partitions = 0
        """and as new products may be spread over: every product that was listed before it was said is known."""
        self._changed: asyncio.Future[None] | None = None

    @property
    def settled(self) -> bool:
        """Whether new products may be spread over all the partitions that are announced."""
        return self.loaded and self.announced == self.partitions

    def find(self, product_id: str) -> Product | None:
        return self._by_id.get(product_id)

    def find_number(self, number: int) -> Product | None:
        return self._by_number.get(number)

    def products(self) -> list[Product]:
        """Every listed product, by id."""
        return [self._by_id[product_id] for product_id in sorted(self._by_id)]

    def recorded_partition(self, product_id: str) -> int | None:
        """Where a product of this id lives or lived."""
        return self._partitions.get(product_id)

    async def settle(self, product_ids: Collection[str], numbers: Collection[int] = ()) -> None:
        """Wait until all of these are known, or the time for that is over."""
        if not self.loaded:
            raise Problem(problems.NOT_READY, "the product registry is not read yet; the request was not taken")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                while not self._knows(product_ids, numbers):
                    await self.next_change()
        except TimeoutError:
            return
        finally:
            self.waiting -= 1

    async def settle_loaded(self) -> None:
        """Wait, without a limit, until the registry was read once."""
        while not self.loaded:
            await self.next_change()

    async def wanted(self, product_id: str) -> Product:
        """The product, perhaps after a wait. `BTC/USD` is taken for `BTC-USD`. Raises Problem product_not_found."""
        product_id = dashed(product_id)
        if product_id not in self._by_id:
            await self.settle((product_id,))
        return self.listed(product_id)

    def listed(self, product_id: str) -> Product:
        product = self._by_id.get(product_id) or self._by_id.get(dashed(product_id))
        if product is None:
            raise Problem(problems.PRODUCT_NOT_FOUND, f"{product_id[:64]!r} is not listed", "product_id")
        return product

    def take(self, product_id: str, product: Product | None) -> None:
        """A record of the registry; None is a tombstone."""
        before = self._by_id.pop(product_id, None)
        if before is not None:
            self._by_number.pop(before.number, None)
        if product is not None:
            self._partitions[product_id] = product.partition
            if product.status is not TradingStatus.DELISTED:
                self._by_id[product_id] = product
                self._by_number[product.number] = product
        self.wake()

    def complete(self, partitions: int) -> None:
        """The end of the topic was reached, as it was when so many partitions had been announced."""
        self.loaded = True
        self.partitions = partitions
        self.wake()

    def _knows(self, product_ids: Collection[str], numbers: Collection[int]) -> bool:
        return all(name in self._by_id for name in product_ids) and all(n in self._by_number for n in numbers)

    async def next_change(self) -> None:
        """Wait until more of the log was read."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    def wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set_result(None)


class RegistryReader:
    """Follows the topic for as long as the process lives, also through times when the log is away."""

    def __init__(
        self, log: Log, registry: Registry, health: Health, logger: Logger, settings: OrderApiSettings
    ) -> None:
        self._log = log
        self._registry = registry
        self._health = health
        self._logger = logger
        self._cluster = settings.cluster
        self._poll_s = settings.registry_poll_ms / 1000
        self._retry_s = settings.registry_retry_ms / 1000
        self._wait_s = settings.registry_wait_ms / 1000
        self._reader: LogReader | None = None
        health.ready(False, "the product registry is not read yet", aspect=_ASPECT)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._follow(stop)
            except Transient as error:
                self._logger.warning("registry unavailable", detail=str(error))
                await until_set(stop, self._retry_s)

    async def _follow(self, stop: asyncio.Event) -> None:
        reader = self._log.reader(PRODUCTS, committed=True)
        await reader.start()
        try:
            assigned = await self._read_to_end(reader, frozenset(), len(await reader.partitions()))
            self._reader = reader
            while not stop.is_set():
                if self._registry.announced != self._registry.partitions:
                    assigned = await self._read_to_end(reader, assigned, self._registry.announced)
                self._apply(await reader.poll(_POLL_RECORDS, self._poll_s))
        finally:
            self._reader = None
            await reader.stop()

    async def learn_size(self) -> None:
        """Until the registry has what the log said when this was called. Raises Problem where that cannot be in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                while (reader := self._reader) is None:
                    await self._registry.next_change()
                end = (await reader.bounds(CLUSTER_PARTITION)).end
                while not (self._registry.settled and self._has_read(reader, end)):
                    await self._registry.next_change()
        except TimeoutError:
            raise Problem(
                problems.NOT_READY, "the registry was not read to its end in time; the request was not taken"
            ) from None
        except Transient as error:
            raise Problem(problems.DEPENDENCY_AWAY, str(error)) from error

    def _has_read(self, reader: LogReader, end: int) -> bool:
        """A reader that came after that one has read to an end of its own first."""
        present = self._reader
        return present is not None and (present is not reader or reader.position(CLUSTER_PARTITION) >= end)

    async def _read_to_end(self, reader: LogReader, assigned: frozenset[int], partitions: int) -> frozenset[int]:
        """The end is looked up after the size was announced: whatever was listed under the old one stands before it."""
        announced = self._registry.announced
        wanted = assigned | frozenset(range(partitions))
        bounds = {partition: await reader.bounds(partition) for partition in sorted(wanted)}
        if wanted != assigned:
            reader.assign({at: reader.position(at) if at in assigned else found.start for at, found in bounds.items()})
        while any(reader.position(partition) < found.end for partition, found in bounds.items()):
            self._apply(await reader.poll(_POLL_RECORDS, self._poll_s))
        if announced:
            self._complete(announced)
        else:
            self._health.ready(False, "the log does not say how many partitions the cluster has", aspect=_ASPECT)
        return wanted

    def _complete(self, partitions: int) -> None:
        if not self._registry.loaded or partitions != self._registry.partitions:
            self._logger.info("registry read", products=len(self._registry.products()), spread_over=partitions)
        self._registry.complete(partitions)
        self._health.ready(True, aspect=_ASPECT)

    def _apply(self, polled: Mapping[int, Sequence[Record]]) -> None:
        for records in polled.values():
            for record in records:
                self._take(record)
        self._registry.wake()

    def _take(self, record: Record) -> None:
        cluster = of_record(record)
        if cluster is not None:
            expect(cluster, self._cluster)
            self._registry.announced = cluster.partitions
            return
        name = (record.key or b"").decode("utf-8", "replace")
        try:
            product = None if record.value is None else decode_product(record.value)
        except Unreadable as error:
            raise Fatal(f"products/{record.partition}@{record.offset} ({name}) is unreadable: {error}") from error
        self._registry.take(name, product)
