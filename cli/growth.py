"""`outcry partitions grow N`: more partitions while the exchange trades.

In this order, which makes it safe to be interrupted anywhere and run again: topics grow, `orders` last; the owner of each
partition takes `SetClusterSize`, and lists nothing from then on that belongs elsewhere; when all have, the new size is
recorded, and only then are new products spread over it. Products never move.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from cli.problem import CannotDo
from libs.events import ids
from libs.events.codec import decode_event, encode
from libs.events.commands import SetClusterSize
from libs.events.events import ClusterSizeChanged, CommandRejected
from libs.events.topics import ORDER_EVENTS, ORDERS, PARTITIONED
from libs.events.values import NO_ID, Cluster, RejectReason
from libs.kafka.cluster import Recorder, recorded
from libs.kafka.failures import Fenced
from libs.kafka.ports import Entry, Log, LogReader, Publisher
from libs.service.clock import Clock
from libs.service.failures import Transient

POLL_RECORDS: Final = 5_000
POLL_S: Final = 0.2
AGAIN_S: Final = 0.5
"""Between two attempts to write a command."""
_RANDOM_BITS: Final = 50
_LATE: Final = frozenset((RejectReason.STALE, RejectReason.CLOCK))


class Topics(Protocol):
    """The topics as a cluster has them."""

    async def counts(self) -> Mapping[str, int]:
        """Partitions of each that is there."""
        ...

    async def grow(self, names: Sequence[str], partitions: int) -> None:
        """In this order; what has as many stays as it is."""
        ...


class Growth:
    """`show` is told how far it is."""

    def __init__(
        self,
        log: Log,
        topics: Topics,
        clock: Clock,
        wait_s: float,
        show: Callable[[str], None],
        bits: Callable[[int], int],
    ) -> None:
        """`wait_s`: how long the owners of all partitions may take together; `bits` gives random ones, for ids."""
        self._log = log
        self._topics = topics
        self._clock = clock
        self._wait_s = wait_s
        self._show = show
        self._bits = bits

    async def to(self, partitions: int) -> Cluster:
        """What was recorded before. Raises CannotDo, and what the log raises."""
        known = await self.known()
        recorder = Recorder(self._log, known.name)
        await recorder.start()
        try:
            known = await self.known()  # nobody else changes it from here on
            await self._check(known, partitions)
            self._show(f"topics to {partitions} partitions")
            await self._topics.grow(PARTITIONED, partitions)
            await self._tell_owners(partitions)
            if partitions != known.partitions:
                await recorder.record(partitions)
        except Fenced as error:
            raise CannotDo(
                "Another `outcry partitions grow` has begun meanwhile: this one leaves it the rest."
            ) from error
        finally:
            await recorder.close()
        return known

    async def known(self) -> Cluster:
        """Raises CannotDo where the log does not say."""
        found = await recorded(self._log)
        if found is None:
            raise CannotDo(
                "The log does not say how many partitions the cluster has: start the exchange once, or deploy.topics."
            )
        return found

    async def _check(self, known: Cluster, partitions: int) -> None:
        if partitions < known.partitions:
            raise CannotDo(
                f"The cluster has {known.partitions} partitions and cannot shrink to {partitions}: products live in all of them "
                "and never move."
            )
        if partitions > ids.PARTITION_LIMIT:
            raise CannotDo(
                f"{partitions} partitions are too many: a product's number has room for {ids.PARTITION_LIMIT}."
            )
        counts = await self._topics.counts()
        most = max(counts.get(name, 0) for name in PARTITIONED)
        if partitions < most:
            raise CannotDo(
                f"A growth to {most} partitions was begun and not finished, and topics cannot shrink to {partitions}: "
                f"run ./outcry partitions grow {most}"
            )

    async def _tell_owners(self, partitions: int) -> None:
        """Until every partition has committed that it knows the new size."""
        reader, publisher = self._log.reader(ORDER_EVENTS), self._log.publisher()
        owners = _Owners(publisher, self._clock, self._bits, partitions)
        await reader.start()
        try:
            reader.assign({at: (await reader.bounds(at)).end for at in range(partitions)})
            async with asyncio.timeout(self._wait_s):
                await owners.tell(owners.missing)
                while owners.missing:
                    self._show(f"{partitions - len(owners.missing)} of {partitions} owners know")
                    await self._hear(reader, owners)
        except TimeoutError:
            named = ", ".join(map(str, sorted(owners.missing)))
            raise CannotDo(
                f"The owners of partitions {named} did not answer within {self._wait_s:g} s: are the workers running? "
                "Nothing is lost, and new products go where they went: run it again."
            ) from None
        finally:
            await reader.stop()
            await publisher.close()

    async def _hear(self, reader: LogReader, owners: "_Owners") -> None:
        again = set()
        for partition, records in (await reader.poll(POLL_RECORDS, POLL_S)).items():
            for record in records:
                event = decode_event(record.value or b"")
                if event.command_id == owners.missing.get(partition):
                    again |= owners.answered(partition, event)
        await owners.tell(again)


class _Owners:
    """Of all partitions: who has not answered to which command."""

    def __init__(self, publisher: Publisher, clock: Clock, bits: Callable[[int], int], partitions: int) -> None:
        self.missing: dict[int, bytes] = dict.fromkeys(range(partitions), NO_ID)
        self._publisher = publisher
        self._clock = clock
        self._partitions = partitions
        self._bits = bits

    async def tell(self, partitions: Collection[int]) -> None:
        for partition in sorted(partitions):
            await _persistently(partial(self._write, partition))

    def answered(self, partition: int, event: object) -> set[int]:
        """Those that must be told again: their clock and this one's were apart."""
        match event:
            case ClusterSizeChanged():
                del self.missing[partition]
            case CommandRejected(reason=reason) if reason in _LATE:
                return {partition}
            case CommandRejected(reason=reason):
                raise CannotDo(f"Partition {partition} refuses {self._partitions} partitions: {reason.name.lower()}.")
        return set()

    async def _write(self, partition: int) -> None:
        now = self._clock.now()
        command_id = ids.mint(now // 1_000_000, self._bits(_RANDOM_BITS), 0)
        self.missing[partition] = command_id
        command = SetClusterSize(command_id, "", 0, NO_ID, "", 0, now, 0, None, self._partitions)
        await self._publisher.publish(ORDERS, partition, [Entry(None, encode(command))])


async def _persistently(write: Callable[[], Awaitable[None]]) -> None:
    """One that may be written already is written again: the same size twice is the same size."""
    while True:
        try:
            return await write()
        except Transient:
            await asyncio.sleep(AGAIN_S)
