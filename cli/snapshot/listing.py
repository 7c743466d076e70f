"""`outcry snapshot list`: what is kept of each partition, by the heads alone, and how far the log has gone since."""

from collections.abc import Callable, Sequence

import msgspec

from cli.snapshot.progress import progress
from cli.snapshot.source import Source, chosen
from cli.snapshot.texts import age, columns, size
from libs.snapshots.snapshots import Listed

HEADINGS = ("partition", "seq", "offset", "to fold", "age", "size", "store", "state")
_LEFT = frozenset((6, 7))


async def show_list(source: Source, wanted: Sequence[int], json: bool, out: Callable[[str], object]) -> None:
    """Raises CannotDo for a partition that is not there."""
    found: list[tuple[int, int, Listed]] = []
    async with source.events() as reader:
        partitions = await chosen(reader, wanted)
        with progress("snapshots", len(partitions), "partitions") as show:
            for done, partition in enumerate(partitions):
                show(done)
                end = (await reader.bounds(partition)).end
                found += [(partition, end, each) for each in await source.snapshots.listed(partition)]
    now = source.clock.now()
    if json:
        for partition, end, each in found:
            out(msgspec.json.encode(_described(partition, end, each)).decode())
        return
    if not found:
        out("No snapshots: a worker saves one when a state has changed for a while, and folds the log until then.")
        return
    for line in columns([HEADINGS, *(_row(partition, end, each, now) for partition, end, each in found)], left=_LEFT):
        out(line)


def _row(partition: int, end: int, each: Listed, now: int) -> tuple[str, ...]:
    head = each.head
    if head is None:
        return (str(partition), str(each.seq), "-", "-", "-", size(each.size), each.store, str(each.refused))
    offset = head.next_event_offset
    ahead = "the log is shorter" if offset > end else str(end - offset)
    return (
        str(partition),
        str(each.seq),
        str(offset),
        ahead,
        age(now - head.saved_at),
        size(each.size),
        each.store,
        "complete",
    )


def _described(partition: int, end: int, each: Listed) -> dict[str, object]:
    known: dict[str, object] = {"partition": partition, "seq": each.seq, "store": each.store, "size": each.size}
    head = each.head
    if head is None:
        return known | {"refused": str(each.refused)}
    return known | {
        "next_event_offset": head.next_event_offset,
        "offsets_to_fold": end - head.next_event_offset,
        "saved_at": head.saved_at,
        "state_version": head.state_version,
        "state_hash": head.state_hash,
    }
