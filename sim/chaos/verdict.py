"""What became of every promise, read from the logs alone: kept once, lost, doubled, or out of order."""

from collections import Counter
from collections.abc import Sequence

from libs.events import events as facts
from libs.events import topics
from libs.events.codec import decode_command, decode_event
from libs.kafka.ports import Log
from sim.chaos.journal import Trail
from sim.check.difference import Difference
from sim.check.log import opened, pieces
from sim.live import Live

_PLACED = (facts.OrderAccepted, facts.OrderRejected)


class Verdict:
    """Counts over all promises; the first of each fault is named."""

    def __init__(self) -> None:
        self.promises = 0
        self.lost = 0
        self.doubled = 0
        self.reordered = 0
        self.named: list[str] = []

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.reordered)

    def note(self, kind: str, what: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.named) < 20:
            self.named.append(f"{kind}: {what}")


class _Partition:
    """What one partition's logs say of the clients' commands."""

    def __init__(self) -> None:
        self.commands: dict[int, bytes] = {}
        """Offset and id."""
        self.outcomes: Counter[bytes] = Counter()
        """Final events by command id: two copies of one command have one outcome and one `DuplicateIgnored`."""
        self.accepted: Counter[tuple[str, str]] = Counter()
        """By account and client_oid."""


async def judge(log: Log, trails: Sequence[Trail], live: Live) -> Verdict:
    """Raises Difference where history cannot be read."""
    found = Verdict()
    for partition in sorted({trail.partition for trail in trails if trail.partition >= 0}):
        live.show(f"reading partition {partition} for the verdict")
        logs = await _read(log, partition)
        for trail in trails:
            if trail.partition == partition:
                _hold(trail, logs, found)
    return found


async def _read(log: Log, partition: int) -> _Partition:
    found = _Partition()
    async with opened(log, topics.ORDERS, committed=False) as reader:
        end = (await reader.bounds(partition)).end
        async for records in pieces(reader, topics.ORDERS, partition, end):
            found.commands.update({each.offset: decode_command(each.value or b"").command_id for each in records})
    async with opened(log, topics.ORDER_EVENTS, committed=True) as reader:
        end = (await reader.bounds(partition)).end
        async for records in pieces(reader, topics.ORDER_EVENTS, partition, end):
            for each in records:
                event = decode_event(each.value or b"")
                if event.last and type(event) is not facts.DuplicateIgnored:
                    found.outcomes[event.command_id] += 1
                if type(event) is facts.OrderAccepted:
                    found.accepted[event.account, event.client_oid] += 1
    return found


def _hold(trail: Trail, logs: _Partition, verdict: Verdict) -> None:
    before = -1
    for promise in trail.promises:
        verdict.promises += 1
        name = f"{trail.product}: command {trail.partition}:{promise.offset} of {trail.account}"
        if logs.commands.get(promise.offset) != promise.command_id or not logs.outcomes[promise.command_id]:
            verdict.note("lost", name)
        if logs.outcomes[promise.command_id] > 1:
            verdict.note("doubled", name)
        if promise.offset < before:
            verdict.note("reordered", name)
        before = promise.offset
    for client_oid in trail.places:
        if logs.accepted[trail.account, client_oid] > 1:
            verdict.note("doubled", f"{trail.product}: order {client_oid} of {trail.account}")


def clean(verdict: Verdict) -> None:
    """Raises Difference unless it is."""
    if not verdict.is_clean:
        raise Difference("; ".join(verdict.named))
