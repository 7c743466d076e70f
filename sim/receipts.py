"""What the client was promised: every 202, and every refusal by kind. The check holds the exchange to it."""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from libs.events import ids
from sim.exchange import Refused, Result

VOLUME_ZERO: Final = "volume 0"
SENT_BEFORE: Final = "sent before"
"""An amend of an earlier run that now would name another size: the first one counts."""
EXPECTED: Final = frozenset((VOLUME_ZERO, SENT_BEFORE))


class Promise(NamedTuple):
    """A command that was taken: where it stands, and its id."""

    offset: int
    command_id: bytes


class Receipts:
    """Of one product. 24 bytes a command."""

    def __init__(self, product: str) -> None:
        self.product = product
        self.partition: int | None = None
        self.refused: Counter[str] = Counter()
        self.last = -1
        """The largest offset that was answered."""
        self._offsets = array("q")
        self._ids = bytearray()

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, at: int) -> Promise:
        return Promise(self._offsets[at], bytes(self._ids[at * 16 : at * 16 + 16]))

    @property
    def position(self) -> str:
        """Everything answered so far, as a header for a read."""
        return "" if self.partition is None else f"{self.partition}:{self.last}"

    def add(self, results: Sequence[Result]) -> None:
        for result in results:
            if result.status == 202:
                self._promise(result)
            else:
                self.refused[kind(result)] += 1

    def _promise(self, result: Result) -> None:
        partition, _, offset = result.position.partition(":")
        if self.partition is None:
            self.partition = int(partition)
        elif self.partition != int(partition):
            raise Refused(f"{self.product} was in partition {self.partition} and now is in {partition}")
        self._offsets.append(int(offset))
        self._ids += ids.parse(result.command_id)
        self.last = max(self.last, self._offsets[-1])


def kind(result: Result) -> str:
    """What a refused item is counted as."""
    if result.code == "not_positive" and (result.field or "").endswith("size"):
        return VOLUME_ZERO
    if result.code == "idempotency_mismatch":
        return SENT_BEFORE
    return f"{result.status} {result.code} {result.field or ''}".strip()
