"""One simulated exchange: all services on one log, one Redis, one Postgres, and the machines that they run on.

The services are the product's own, wired as their `__main__` wires them. What differs comes in by ports: the log, the
tables, the store of repeats and the clock are twins, chance comes from the seed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from random import Random
from typing import Any, Final

from libs.events import topics
from libs.events.codec import encode
from libs.events.partitioning import home
from libs.events.values import Cluster
from libs.kafka.failures import PublishUnknown
from libs.kafka.memory import Broker, LoopTime, MemoryLog
from libs.kafka.ports import Ack, Entry, Publisher
from libs.kafka.ready import ReadyReaders
from libs.snapshots.kafka_store import KafkaStore
from libs.snapshots.memory_store import MemoryStore
from libs.snapshots.snapshots import Snapshots
from services.order_api.desk import Desk
from services.order_api.idempotency.memory import MemoryIdempotency
from services.order_api.idempotency.ports import Claim, Settlement, Verdict
from services.order_api.settings import OrderApiSettings
from services.orderbook_worker.injecting import consent
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.watchdog import Watchdog
from services.orderbook_worker.worker import Worker
from services.query_api.live import LiveBooks
from services.query_api.progress import Progress
from services.query_api.settings import QueryApiSettings
from services.read_model_builder.projector import Projector
from services.read_model_builder.settings import BuilderSettings
from tests.simulation.chaos import LIMITS, Chaos
from tests.simulation.growing import GROWTH, grow, size_after
from tests.simulation.loop import Line, SimulatedLoop, pass_time
from tests.simulation.postgres.server import Server
from tests.simulation.processes import Machine
from tests.simulation.witness import Witness

CLUSTER: Final = WorkerSettings().cluster
PARTITIONS: Final = 2
PENDING_MS: Final = 1_500
PRODUCTS: Final = tuple(f"P{at}-USD" for at in range(4))
assert {home(name, PARTITIONS) for name in PRODUCTS} == set(range(PARTITIONS))


Begin = Callable[[Machine], Coroutine[Any, Any, None]]


class World:
    """`failures` has what went wrong that no fault may bring about."""

    def __init__(self, seed: int, loop: SimulatedLoop) -> None:
        self.seed = seed
        self.chance = Random(f"{seed} world")
        self.outside = copy_context()
        """Of no process: what happens there outlives them."""
        self.loop = loop
        self.size_before, self.size_after = PARTITIONS, size_after(seed, PARTITIONS)
        self.listed = asyncio.Event()
        """The first products are."""
        self.grown = asyncio.Event()
        self.failures: list[str] = []
        self.failed: asyncio.Future[None] = loop.create_future()
        self.carried = 0
        """Publishes that are under way, which nobody waits for."""
        self.redis_lost = False
        self.postgres_away = False
        self.chaos = Chaos(Random(f"{seed} chaos"), self)
        self.broker = Broker(LoopTime(), self.chaos, LIMITS)
        for topic in (topics.ORDERS, topics.ORDER_EVENTS, topics.BOOK_SNAPSHOTS, topics.PRODUCTS):
            self.broker.create_topic(topic, PARTITIONS)
        for topic in (*topics.RETRIES, topics.DLQ):
            self.broker.create_topic(topic, PARTITIONS)
        self.broker.create_topic(topics.WORKER_ATTEMPTS, 1)
        cluster = Entry(topics.CLUSTER_KEY, encode(Cluster(CLUSTER, PARTITIONS)))
        self.broker.partition(topics.PRODUCTS, 0).append([cluster], self.broker.now_ms(), None)
        self.witness = Witness(self.broker, self.fail)
        self.repeats = MemoryIdempotency(self.broker.time, PENDING_MS)
        self.postgres = Server(self.chaos.postgres, self.witness.projected)
        self.witness_log = MemoryLog(self.broker)
        self.desks: dict[str, Desk] = {}
        self.workers: dict[str, Worker] = {}
        self.live: dict[str, LiveBooks] = {}
        self._limits = WorkerLimits(self.chance, PARTITIONS if seed % 3 == 0 else 0, self.fault_prefix)
        self._disks: dict[str, MemoryStore] = {}
        self._spares = 0
        self.machines: list[Machine] = []
        for name in ("w1", "w2"):
            self._add_worker(name)
        self.apis = [self._machine(name, self._serve) for name in ("a1", "a2")]
        for name in ("b1", "b2"):
            self._machine(name, self._project)
        self.queries = [self._machine(name, self._follow) for name in ("q1", "q2")]
        if self.grows:
            self._machine("g1", self._grow)

    @property
    def fault_prefix(self) -> str:
        """Workers fail at orders whose names begin so; empty: at none."""
        return "brk-" if self.seed % 4 == 1 else ""

    def fail(self, what: str) -> None:
        """Something is wrong that no fault may bring about: the run is over."""
        self.failures.append(what)
        if not self.failed.done():
            self.failed.set_result(None)

    @property
    def grows(self) -> bool:
        return self.size_after > self.size_before

    @property
    def partitions(self) -> int:
        return len(self.broker.log_of(topics.ORDERS))

    @property
    def group(self) -> str:
        return "outcry-orderbook-worker"

    def transactional_id(self, partition: int) -> str:
        return f"outcry-orders-{partition}"

    def start(self) -> None:
        for machine in self.machines:
            if machine in self.queries:  # begins at any moment, on top of what the tables hold then
                self.loop.call_later(self.chance.uniform(0.0, 1.5), machine.start)
            else:
                machine.start()

    def machine_of(self, line: Line | None) -> Machine | None:
        return next((machine for machine in self.machines if machine.line is line), None)

    def spare_worker(self) -> Machine:
        self._spares += 1
        machine = self._add_worker(f"w{2 + self._spares}")
        machine.start()
        return machine

    def stand_still(self) -> None:
        """Nobody does anything any more."""
        for machine in self.machines:
            machine.stopped = True
            self.loop.freeze(machine.line)

    def lose_redis(self) -> None:
        self.redis_lost = True
        self.repeats.records.clear()
        self.repeats.owners.clear()

    def _add_worker(self, name: str) -> Machine:
        return self._machine(name, self._work)

    def _machine(self, name: str, begin: "Begin") -> Machine:
        machine = Machine(name, self.broker, self.loop, self.chance, self.fail)
        machine.begin = lambda: begin(machine)
        machine.died = lambda line: self._died(machine, line)
        self.machines.append(machine)
        return machine

    def _died(self, machine: Machine, line: Line) -> None:
        self.postgres.drop(line)
        for of in (self.desks, self.workers, self.live):
            of.pop(machine.name, None)

    async def _work(self, machine: Machine) -> None:
        process = machine.process(self._limits.settings(machine.name))
        settings = process.settings
        log = ReadyReaders(machine.log, settings.ready_readers + bool(settings.warm_copies))
        store = self.witness.watched(KafkaStore(log, settings.snapshot_chunk_bytes))
        disk = self._disks.setdefault(machine.name, MemoryStore())
        kept = settings.snapshots_kept
        snapshots = Snapshots(store, settings.cluster, kept, process.clock, process.log, self.witness.watched(disk))
        worker = self.workers[machine.name] = Worker(process, log, snapshots, Watchdog(60.0, 60.0, process.log))
        try:
            await worker.run()
        finally:
            await log.close()

    async def _grow(self, machine: Machine) -> None:
        """The operator's command, given again until it has ended well."""
        process = machine.process(OrderApiSettings(instance=machine.name))
        await self.listed.wait()
        if not self.grown.is_set():
            await grow(self, machine, self.size_after)
            self.chaos.counts[GROWTH] += 1
            self.grown.set()
        await process.stop.wait()

    async def _serve(self, machine: Machine) -> None:
        settings = OrderApiSettings(
            instance=machine.name, product_wait_ms=100, registry_retry_ms=100, gather_ms=self.chance.choice((0, 5))
        )
        process = machine.process(settings)
        desk = self.desks[machine.name] = Desk(process, Carried(self), Remembered(self.repeats, self.chaos))
        try:
            await desk.follow()
        finally:
            await desk.close()

    async def _project(self, machine: Machine) -> None:
        chance = self.chance
        settings = BuilderSettings(
            instance=machine.name,
            gather_ms=30,
            brief_ms=chance.choice((1, 8)),
            busy_events=16,
            batch_events=chance.choice((5, 40, 1_000)),
            poll_records=chance.choice((7, 1_000)),
            decode_slice=5,
            backoff_last_ms=500,
            lag_interval_ms=2_000,
        )
        await Projector(machine.process(settings), machine.log, self.postgres).run()

    async def _follow(self, machine: Machine) -> None:
        settings = QueryApiSettings(
            instance=machine.name, tail_records=self.chance.choice((3, 1_000)), backoff_last_ms=500
        )
        process = machine.process(settings)
        followed = Progress("the live book", settings.waiting_requests)
        live = LiveBooks(process, machine.log, followed, self.postgres)
        self.live[machine.name] = live
        self.witness.follow(machine.name, live, followed)
        await live.run(process.stop)


class WorkerLimits:
    """Small ones, so that little traffic meets them."""

    def __init__(self, chance: Random, warm_copies: int, fault_prefix: str) -> None:
        self._warm_copies = warm_copies
        self._fault_prefix = fault_prefix
        self._batch = chance.choice((1, 3, 20, 200))
        self._poll = chance.choice((2, 10, 500))
        self._every_ms = chance.choice((50, 200, 800))
        self._cache_tail = chance.choice((5, 60, 10_000))

    def settings(self, instance: str) -> WorkerSettings:
        return WorkerSettings(
            instance=instance,
            poll_records=self._poll,
            batch_commands=self._batch,
            backlog_commands=4 * self._batch,
            commit_gap_ms=5,
            commit_gap_most_ms=20,
            position_every_ms=200,
            snapshot_every_ms=self._every_ms,
            snapshot_cache_tail_events=self._cache_tail,
            snapshot_chunk_bytes=2_000,
            fold_records=20,
            fault_prefix=self._fault_prefix,
            fault_consent=consent(CLUSTER) if self._fault_prefix else "",
            warm_copies=self._warm_copies,
            warm_records=10,
            warm_retry_ms=200,
            takeover_backoff_ms=20,
            takeover_backoff_most_ms=200,
            hand_over_save_ms=300,
            hand_over_tail_events=10,
            revoke_timeout_ms=1_200,
        )


class Remembered:
    """The store of repeats, as far away as a network makes it."""

    def __init__(self, store: MemoryIdempotency, chaos: Chaos) -> None:
        self._store = store
        self._chaos = chaos

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        await self._chaos.redis()
        verdicts = await self._store.claim(claims)
        await self._chaos.redis()
        return verdicts

    def settle(self, settlements: Sequence[Settlement]) -> None:
        self._store.settle(settlements)

    async def ping(self) -> None:
        await self._store.ping()

    async def close(self) -> None:
        return


class Carried(MemoryLog):
    """A log whose publishes are on the network: they may arrive much later, and their sender hears nothing of it."""

    def __init__(self, world: World) -> None:
        super().__init__(world.broker)
        self._world = world

    def publisher(self) -> Publisher:
        return CarriedPublisher(super().publisher(), self._world)


class CarriedPublisher:
    def __init__(self, publisher: Publisher, world: World) -> None:
        self._publisher = publisher
        self._world = world

    async def start(self) -> None:
        await self._publisher.start()

    async def publish(self, topic: str, partition: int, entries: Sequence[Entry]) -> Sequence[Ack]:
        late = self._world.chaos.late_publish()
        if late is None:
            return await self._publisher.publish(topic, partition, entries)
        carry = self._carry(late, topic, partition, entries)
        self._world.carried += 1
        self._world.loop.create_task(carry, context=self._world.outside.copy())
        raise PublishUnknown(topic, partition, len(entries), "simulated: it is under way")

    async def close(self) -> None:
        await self._publisher.close()

    async def _carry(self, late: float, topic: str, partition: int, entries: Sequence[Entry]) -> None:
        await pass_time(late)
        broker = self._world.broker
        if not broker.away:
            broker.partition(topic, partition).append(entries, broker.now_ms(), None)
            broker.notify()
        self._world.carried -= 1
