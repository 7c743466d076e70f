"""A partition that has traded, and snapshots of what it was on the way."""

from libs.book.partition import PartitionState
from libs.book.snapshot import dump
from libs.events.topics import ORDER_EVENTS
from libs.events.values import Side
from libs.snapshots.envelope import Stored, seal
from libs.snapshots.memory_store import MemoryStore
from tests.unit.worker.venue import Cluster, folded, running

NAME = "outcry"
COMMANDS = 26


async def traded(cluster: Cluster) -> PartitionState:
    """The state that everything which happened adds up to."""
    await cluster.publish(cluster.listing(), *(cluster.place(price=100 + at) for at in range(20)))
    await cluster.publish(*(cluster.place(Side.BUY, 110, 1 + at) for at in range(5)))
    async with running(cluster):
        return folded(await cluster.events(COMMANDS))


async def after(cluster: Cluster, seq: int) -> Stored:
    """A snapshot after so many events, which must end a command: here each has two, and so has what comes first."""
    reader = cluster.log.reader(ORDER_EVENTS)
    await reader.start()
    reader.assign({0: 0})
    records = (await reader.poll(1_000, 0.1))[0]
    await reader.stop()
    events = (await cluster.events(COMMANDS))[:seq]
    return Stored(seq, records[seq - 1].offset + 1, dump(folded(events)))


async def sealed_after(cluster: Cluster, *seqs: int) -> MemoryStore:
    store = MemoryStore()
    for seq in seqs:
        await store.put(0, await seal(NAME, 0, await after(cluster, seq), 0))
    return store
