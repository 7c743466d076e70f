"""Workers on the in-memory log: what they read and wrote, without a server and without a real second passing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

from msgspec.structs import replace

from libs.book.fold import fold
from libs.book.partition import PartitionState
from libs.events import topics
from libs.events.codec import decode_event, encode
from libs.events.commands import AnyCommand, CancelOrder, ListProduct, PlaceOrder, SetTradingStatus
from libs.events.events import AnyEvent
from libs.events.ids import mint
from libs.events.values import NO_ID, OrderType, Side, TimeInForce, TradingStatus
from libs.kafka.memory import Broker, MemoryLog, PlannedFaults
from libs.kafka.ports import Entry, Record
from libs.service.logging import configure
from libs.service.process import Process
from libs.snapshots.disk_store import DiskStore
from libs.snapshots.kafka_store import KafkaStore
from libs.snapshots.snapshots import Snapshots
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.watchdog import Watchdog
from services.orderbook_worker.worker import Worker

PARTITIONS = 2
NUMBER = 256
SENT = 1_700_000_000_000_000_000
LIMIT_S = 20.0
TRACE = (("traceparent", b"00-1-2-01"),)


class Cluster:
    """A log with the topics a worker needs, and the commands put into its first partition."""

    def __init__(self, folder: Path) -> None:
        self.faults = PlannedFaults()
        self.broker = Broker(faults=self.faults)
        self.log = MemoryLog(self.broker)
        self.folder = folder
        self.said = StringIO()
        """What the workers log as warnings and errors."""
        self.sent = 0
        for topic in (topics.ORDERS, topics.ORDER_EVENTS, topics.BOOK_SNAPSHOTS, topics.PRODUCTS):
            self.broker.create_topic(topic, PARTITIONS)
        for topic in (*topics.RETRIES, topics.DLQ):
            self.broker.create_topic(topic, PARTITIONS)
        self.broker.create_topic(topics.WORKER_ATTEMPTS, 1)

    def worker(self, instance: str, **limits: int | str) -> "Running":
        settings = replace(WorkerSettings(instance=instance, data_dir=str(self.folder)), **limits)
        log = configure("test", instance, "warning", self.said)
        process = Process("orderbook-worker", settings, log, self.broker.time)
        return Running(process, MemoryLog(self.broker), self.folder)

    async def publish(self, *commands: AnyCommand) -> None:
        await self.publish_raw(*map(encode, commands))

    async def publish_raw(self, *values: bytes) -> None:
        publisher = self.log.publisher()
        await publisher.start()
        await publisher.publish(topics.ORDERS, 0, [Entry(b"TEST", value, TRACE) for value in values])
        await publisher.close()

    def listing(self) -> ListProduct:
        return ListProduct(
            self._id(0), "op", 0, NO_ID, "", 0, SENT + self.sent, 0, None, "TEST", "T", "USD", 0, 0, 1, 1
        )

    def place(self, side: Side = Side.SELL, price: int = 100, size: int = 1, account: str = "ann") -> PlaceOrder:
        order_id = self._id(NUMBER)
        head = (order_id, account, NUMBER, order_id, "", 0, SENT + self.sent, 0, None)
        return PlaceOrder(*head, side, OrderType.LIMIT, price, size)

    def status(self, status: TradingStatus) -> SetTradingStatus:
        return SetTradingStatus(self._id(NUMBER), "op", NUMBER, NO_ID, "", 0, SENT + self.sent, 0, None, status)

    def expiring(self, after_ms: int) -> PlaceOrder:
        """An order that ends so long after now."""
        expire_time = self.broker.time.now() + after_ms * 1_000_000
        return replace(self.place(), time_in_force=TimeInForce.GTD, expire_time=expire_time)

    def cancel(self, order_id: bytes) -> CancelOrder:
        return CancelOrder(self._id(NUMBER), "ann", NUMBER, order_id, "", 0, SENT + self.sent, 0, None)

    def _id(self, number: int) -> bytes:
        self.sent += 1
        return mint(SENT // 1_000_000, self.sent, number)

    async def events(self, commands: int, limit_s: float = LIMIT_S) -> list[AnyEvent]:
        """What a committed reader sees, once so many commands have all their events."""
        return [event for event, _ in await self.keyed_events(commands, limit_s)]

    async def keyed_events(self, commands: int, limit_s: float = LIMIT_S) -> list[tuple[AnyEvent, bytes | None]]:
        """The same, each with the key of its record."""
        reader = self.log.reader(topics.ORDER_EVENTS)
        await reader.start()
        reader.assign({0: 0})
        found: list[tuple[AnyEvent, bytes | None]] = []
        async with asyncio.timeout(limit_s):
            while sum(event.last for event, _ in found if event.command_offset >= 0) < commands:
                for records in (await reader.poll(1_000, 0.1)).values():
                    found += [(decode_event(record.value or b""), record.key) for record in records]
        await reader.stop()
        return found

    async def records(self, topic: str) -> list[Record]:
        """What a committed reader finds there now."""
        reader = self.log.reader(topic)
        await reader.start()
        reader.assign({0: 0})
        found: list[Record] = []
        while reader.position(0) < (await reader.bounds(0)).end:
            for records in (await reader.poll(1_000, 0.1)).values():
                found += records
        await reader.stop()
        return found

    async def some(self, topic: str) -> None:
        """Until there is a record."""
        while not await self.records(topic):
            await asyncio.sleep(0.01)


class Running:
    """One worker process."""

    def __init__(self, process: Process[WorkerSettings], log: MemoryLog, folder: Path) -> None:
        self.process = process
        self.log = log
        settings = process.settings
        store = KafkaStore(log, settings.snapshot_chunk_bytes)
        cache = DiskStore(folder / settings.instance, settings.cluster, synced=False, name="cache")
        kept = settings.snapshots_kept
        self.snapshots = Snapshots(store, settings.cluster, kept, process.clock, process.log, cache)
        self.worker = Worker(process, log, self.snapshots, Watchdog(LIMIT_S, LIMIT_S, process.log))
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        """As SIGTERM does."""
        assert self.task is not None
        self.process.stop.set()
        async with asyncio.timeout(LIMIT_S):
            await self.task

    async def kill(self) -> None:
        """As SIGKILL does: nothing is settled, and nobody is told."""
        assert self.task is not None
        self.log.crash()
        for task in (*self.worker._owners.values(), self.task):  # a death asks no interface
            task.cancel()
        await asyncio.wait({self.task}, timeout=LIMIT_S)


@asynccontextmanager
async def running(cluster: Cluster, instance: str = "w1", **limits: int | str) -> AsyncIterator[Running]:
    worker = cluster.worker(instance, **limits)
    await worker.start()
    try:
        yield worker
    finally:
        if worker.task is not None and not worker.task.done():
            await worker.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0)


def folded(events: list[AnyEvent]) -> PartitionState:
    state = PartitionState(0)
    for event in events:
        fold(state, event)
    return state
