"""`outcry partitions grow` beside workers on the in-memory log: every order of events that matters, and every interruption."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from cli.growth import Growth
from cli.problem import CannotDo
from libs.book.fold import fold
from libs.book.partition import PartitionState
from libs.events import topics
from libs.events.codec import decode_event, encode
from libs.events.commands import ListProduct
from libs.events.events import AnyEvent, ClusterSizeChanged, CommandRejected, ProductListed
from libs.events.ids import mint
from libs.events.partitioning import home
from libs.events.values import NO_ID, Cluster, RejectReason
from libs.kafka.cluster import Recorder, agree, recorded
from libs.kafka.failures import ClusterMismatch, Fenced
from libs.kafka.memory import Broker
from libs.kafka.ports import Entry
from tests.unit.worker.venue import LIMIT_S, PARTITIONS, Running, running
from tests.unit.worker.venue import Cluster as Venue

GROWN = 4
WAIT_S = 15.0
BITS = Random(0).getrandbits
HERE = "DOGE-USD"
"""Of two partitions it is the first one's, of four the third's."""


class Killed(BaseException):
    """What SIGKILL does, as far as the log can tell."""


class MemoryTopics:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def counts(self) -> Mapping[str, int]:
        return {name: len(self._broker.topic(name)) for name in topics.PARTITIONED}

    async def grow(self, names: Sequence[str], partitions: int) -> None:
        for name in names:
            self._broker.grow_topic(name, partitions)
            await asyncio.sleep(0)


class Stage:
    """Two partitions and the worker that owns them."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.said: list[str] = []

    async def grow(self, partitions: int, killed_at: int = 1_000) -> Cluster:
        """Dies when it has something to say for the `killed_at`th time."""
        said: list[str] = []

        def show(text: str) -> None:
            said.append(text)
            if len(said) == killed_at:
                raise Killed

        clock = self.venue.broker.time
        log = self.venue.log
        try:
            return await Growth(log, MemoryTopics(self.venue.broker), clock, WAIT_S, show, BITS).to(partitions)
        finally:
            self.said = said

    async def size(self) -> int:
        found = await recorded(self.venue.log)
        assert found is not None
        return found.partitions

    async def list_product(self, name: str, partition: int) -> AnyEvent:
        """What its owner says to it."""
        now = self.venue.broker.time.now()
        command_id = mint(now // 1_000_000, len(name) + partition, 0)
        command = ListProduct(command_id, "op", 0, NO_ID, "", 0, now, 0, None, name, "D", "USD", 2, 2, 1, 1)
        await self.venue.log.publisher().publish(topics.ORDERS, partition, [Entry(name.encode(), encode(command))])
        async with asyncio.timeout(LIMIT_S):
            while True:
                for event in await self.events(partition):
                    if event.command_id == command_id:
                        return event

    async def events(self, partition: int) -> list[AnyEvent]:
        reader = self.venue.log.reader(topics.ORDER_EVENTS)
        reader.assign({partition: 0})
        end = (await reader.bounds(partition)).end
        found: list[AnyEvent] = []
        while reader.position(partition) < end:
            for records in (await reader.poll(1_000, 0.01)).values():
                found += [decode_event(record.value or b"") for record in records]
        await asyncio.sleep(0)
        return found

    async def sizes_folded(self) -> list[int]:
        """Of every partition, as whoever takes it over next learns it."""
        found = []
        for partition in range(len(self.venue.broker.topic(topics.ORDERS))):
            state = PartitionState(partition)
            for event in await self.events(partition):
                fold(state, event)
            found.append(state.cluster_size)
        return found


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[tuple[Stage, Running]]:
    venue = Venue(folder)
    recorder = Recorder(venue.log, "outcry")
    await recorder.start()
    await recorder.record(PARTITIONS)
    async with running(venue) as worker:
        yield Stage(venue), worker


def run(folder: Path, scenario: Callable[[Stage, Running], object]) -> None:
    async def whole() -> None:
        async with staged(folder) as (stage, worker):
            await scenario(stage, worker)  # type: ignore[misc]  # every scenario is a coroutine

    asyncio.run(whole())


def test_new_products_are_spread_over_all_and_old_ones_stay(tmp_path: Path) -> None:
    async def scenario(stage: Stage, _worker: Running) -> None:
        assert (home(HERE, PARTITIONS), home(HERE, GROWN)) == (0, 2)
        assert isinstance(await stage.list_product("OLD-USD", 1), ProductListed)
        before = await stage.grow(GROWN)
        assert (before.partitions, await stage.size()) == (PARTITIONS, GROWN)
        assert await stage.sizes_folded() == [GROWN] * GROWN
        refused = await stage.list_product(HERE, 0)
        assert isinstance(refused, CommandRejected)
        assert refused.reason is RejectReason.WRONG_PARTITION
        taken = await stage.list_product(HERE, 2)
        assert isinstance(taken, ProductListed)
        assert taken.product.partition == taken.number % 256 == 2

    run(tmp_path, scenario)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_interrupted_and_run_again_it_ends_right(tmp_path: Path, step: int) -> None:
    async def scenario(stage: Stage, worker: Running) -> None:
        with pytest.raises(Killed):
            await stage.grow(GROWN, killed_at=step)
        assert await stage.size() == PARTITIONS  # nobody spreads over partitions whose owners do not all know
        await worker.kill()
        async with running(stage.venue, "w2"):
            await stage.grow(GROWN)
            assert await stage.size() == GROWN
            assert await stage.sizes_folded() == [GROWN] * GROWN

    run(tmp_path, scenario)


def test_run_again_it_says_that_it_is_done(tmp_path: Path) -> None:
    async def scenario(stage: Stage, _worker: Running) -> None:
        await stage.grow(GROWN)
        assert (await stage.grow(GROWN)).partitions == GROWN
        told = [event for event in await stage.events(3) if isinstance(event, ClusterSizeChanged)]
        assert [event.partitions for event in told] == [GROWN, GROWN]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("partitions", "sentence"),
    [(1, "cannot shrink to 1"), (257, "has room for 256")],
)
def test_what_cannot_be_is_refused_before_anything_changes(tmp_path: Path, partitions: int, sentence: str) -> None:
    async def scenario(stage: Stage, _worker: Running) -> None:
        with pytest.raises(CannotDo, match=sentence):
            await stage.grow(partitions)
        assert len(stage.venue.broker.topic(topics.ORDERS)) == PARTITIONS
        assert await stage.size() == PARTITIONS

    run(tmp_path, scenario)


def test_a_growth_that_was_begun_is_finished_before_another(tmp_path: Path) -> None:
    async def scenario(stage: Stage, _worker: Running) -> None:
        with pytest.raises(Killed):
            await stage.grow(GROWN, killed_at=2)
        with pytest.raises(CannotDo, match=r"begun and not finished.*run \./outcry partitions grow 4"):
            await stage.grow(3)

    run(tmp_path, scenario)


def test_the_owners_hold_on_to_it_over_a_restart(tmp_path: Path) -> None:
    async def scenario(stage: Stage, worker: Running) -> None:
        await stage.grow(GROWN)
        await worker.stop()
        async with running(stage.venue, "w2"):
            refused = await stage.list_product(HERE, 0)
            assert isinstance(refused, CommandRejected)

    run(tmp_path, scenario)


def test_without_workers_it_says_whose_answer_is_missing(tmp_path: Path) -> None:
    async def scenario(stage: Stage, worker: Running) -> None:
        await worker.stop()
        growth = Growth(
            stage.venue.log, MemoryTopics(stage.venue.broker), stage.venue.broker.time, 0.1, lambda _: None, BITS
        )
        with pytest.raises(CannotDo, match="partitions 0, 1, 2, 3 did not answer"):
            await growth.to(GROWN)
        assert await stage.size() == PARTITIONS

    run(tmp_path, scenario)


def test_of_two_that_change_the_record_the_later_one_does(tmp_path: Path) -> None:
    async def scenario(stage: Stage, _worker: Running) -> None:
        first, second = (Recorder(stage.venue.log, "outcry") for _ in range(2))
        await first.start()
        await second.start()
        with pytest.raises(Fenced):
            await first.record(3)
        await second.record(GROWN)
        assert await stage.size() == GROWN

    run(tmp_path, scenario)


def test_a_service_of_another_cluster_does_not_start(tmp_path: Path) -> None:
    async def scenario(stage: Stage, _worker: Running) -> None:
        await agree(stage.venue.log, "outcry")
        with pytest.raises(ClusterMismatch, match="belongs to the cluster 'outcry', and OUTCRY_CLUSTER says 'other'"):
            await agree(stage.venue.log, "other")
        recorder = Recorder(stage.venue.log, "outcry")
        await recorder.start()
        await recorder.record(GROWN)
        with pytest.raises(ClusterMismatch, match="has 4 partitions, and order-events has 2"):
            await agree(stage.venue.log, "outcry")

    run(tmp_path, scenario)
