"""order_api without its doors: from the bytes of a request to a command in the log, over any log and any store of repeats."""

import asyncio
from collections.abc import Sequence

from libs.events.topics import ORDERS
from libs.kafka.ports import Ack, Log
from libs.service.failures import Transient
from libs.service.process import Process
from services.order_api.building import Builder
from services.order_api.commands import Commands
from services.order_api.idempotency.ports import Idempotency
from services.order_api.intake import Intake
from services.order_api.lanes import Lane
from services.order_api.minting import Mint
from services.order_api.product_commands import ProductCommands
from services.order_api.registry import Registry, RegistryReader
from services.order_api.settings import OrderApiSettings
from services.order_api.skew import SkewGuard
from services.order_api.tally import Tally


class Desk:
    """`commands` are the requests of traders, `products` those of operators."""

    def __init__(self, process: Process[OrderApiSettings], log: Log, idempotency: Idempotency) -> None:
        settings = process.settings
        self._process = process
        self._publisher = log.publisher()
        self._idempotency = idempotency
        self._lanes: dict[int, Lane] = {}
        self._skew = SkewGuard(process.clock, process.health, process.log, settings.clock_skew_ms)
        self.tally = Tally(process.metrics, lambda: float(self.intake.in_hand))
        self.registry = Registry(settings.product_wait_ms / 1000)
        self.intake = Intake(idempotency, self._lane, settings.cluster, settings.queue_orders, self.tally)
        builder = Builder(Mint(process.clock, process.chance.getrandbits), settings.cluster)
        self._reader = RegistryReader(log, self.registry, process.health, process.log, settings)
        self.products = ProductCommands(self.registry, self._reader, builder, self.intake)
        self.commands = Commands(self.registry, builder, self.intake, settings.batch_items)

    async def follow(self) -> None:
        """Know the log and its products, until the process is told to stop."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._reader.run(self._process.stop))
                group.create_task(self._begin())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def close(self) -> None:
        """Let what is in flight arrive, write its outcome down, disconnect."""
        self.intake.closed = True
        await asyncio.gather(*(lane.drain() for lane in self._lanes.values()))
        await self._idempotency.close()
        await self._publisher.close()

    async def _begin(self) -> None:
        """Connect; while the log is away, again and again."""
        while not self._process.stop.is_set():
            try:
                await self._publisher.start()
                break
            except Transient as error:
                self._process.log.warning("log unavailable", detail=str(error))
                await asyncio.sleep(self._process.settings.registry_retry_ms / 1000)
        self._process.settle()

    def _lane(self, partition: int) -> Lane:
        lane = self._lanes.get(partition)
        if lane is None:
            settings = self._process.settings
            distance_s = settings.gather_ms / 1000
            most = settings.publish_orders
            lane = Lane(self._publisher, ORDERS, partition, most, distance_s, self.published, self._failed)
            self._lanes[partition] = lane
        return lane

    def published(self, acks: Sequence[Ack]) -> None:
        """Told of every acknowledgement."""
        self.tally.publishes.value += 1
        self.tally.received.value += len(acks)
        self._skew.compare(acks)

    def _failed(self, error: Exception) -> None:
        self.tally.failures.value += 1
        self._process.log.warning("publish failed", error=type(error).__name__, detail=str(error))
