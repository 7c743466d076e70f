"""Records of `orders` in, everything that one transaction writes out.

A command that cannot be read is set aside where it stands. One whose decision raises an error ends the deciding, for
the state may be half changed; after the next take-over `Faults` knows it, and it is set aside too.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from libs.events.codec import Unreadable, decode_command, decode_envelope, encode
from libs.events.commands import AnyCommand, Envelope
from libs.events.events import PRODUCT_EVENTS, AnyEvent, CommandDeadLettered, CommandDeferred
from libs.events.topics import DLQ, ORDER_EVENTS, ORDERS, PRODUCTS, RETRIES
from libs.events.values import FailureCause
from libs.kafka.ports import Entry, Outbox, Record
from libs.matching import Engine
from services.orderbook_worker import letters
from services.orderbook_worker.failures import LaterVersion, StateBroken
from services.orderbook_worker.faults import Faulted, Faults
from services.orderbook_worker.injecting import Handle
from services.orderbook_worker.letters import Failure
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.watchdog import Watchdog

_NANOSECONDS_A_MILLISECOND: Final = 1_000_000
_COPIED: Final[frozenset[object]] = frozenset((*PRODUCT_EVENTS, CommandDeferred, CommandDeadLettered))
"""What is written to another topic as well."""


class Decided(NamedTuple):
    """Of one batch."""

    outboxes: list[Outbox]
    """The events first."""
    events: list[AnyEvent]
    set_aside: list[AnyEvent]
    """Those of them that say what became of commands that failed, or that wait behind one."""


class _Made:
    """Fills while a batch is decided."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.events: list[AnyEvent] = []
        self.set_aside: list[AnyEvent] = []
        self.copies: dict[str, list[Entry]] = {}
        """By topic."""


class Decider:
    """Of one owned partition."""

    def __init__(
        self,
        engine: Engine,
        handle: Handle,
        group: str,
        settings: WorkerSettings,
        faults: Faults,
        watchdog: Watchdog,
        decode: Callable[[bytes], AnyCommand] = decode_command,
    ) -> None:
        """`decode` knows the versions of commands that can be decided here."""
        self.engine = engine
        self.partition = engine.state.partition
        self.next_command = engine.state.command_offset + 1
        """Behind what was decided last."""
        self._handle = handle
        self._group = group
        self._settings = settings
        self._faults = faults
        self._watchdog = watchdog
        self._decode = decode

    def decide(self, records: Iterable[Record]) -> Decided:
        """In log order, up to `next_command`. Raises Faulted, LaterVersion, or StateBroken: nothing more may be decided."""
        self._watchdog.begin(self)
        made, faults, handle, decode = _Made(), self._faults, self._handle, self._decode
        try:
            for record in records:
                self._expect(record)
                if faults and self._has_failed(record, made):
                    continue
                try:
                    command = decode(record.value or b"")
                except Unreadable as error:
                    self._set_aside(record, Failure(FailureCause.VERSION, str(error)), made)
                else:
                    self._add(
                        record, handle(command, record.offset, record.timestamp * _NANOSECONDS_A_MILLISECOND), made
                    )
        except LaterVersion:
            if not made.events:
                raise
            self.next_command -= 1  # what came before it is good, and is committed first
        except StateBroken:
            raise
        except Exception as error:
            raise self._faulted(error) from error
        finally:
            self._watchdog.end()
        copies = [Outbox(topic, self.partition, entries) for topic, entries in made.copies.items()]
        return Decided([Outbox(ORDER_EVENTS, self.partition, made.entries), *copies], made.events, made.set_aside)

    def _faulted(self, error: Exception) -> Exception:
        """What an error in a decision means for the owner."""
        offset = self.next_command - 1
        if offset in self._faults.failed:
            return StateBroken(f"{ORDERS}/{self.partition}: command {offset} cannot be set aside: {error!r}")
        self._faults.note(offset, error)
        return Faulted(self.partition, offset, error)

    def crash(self, tries: int) -> None:
        """The next command ended process after process: it is not decided again."""
        self._faults.crashed(self.next_command, tries)

    def _expect(self, record: Record) -> None:
        """Nothing transactional is written to `orders`, so its offsets have no holes."""
        if record.offset != self.next_command:
            raise StateBroken(
                f"{ORDERS}/{self.partition}: command {record.offset} came where {self.next_command} was expected"
            )
        self.next_command += 1

    def _has_failed(self, record: Record, made: _Made) -> bool:
        """Whether this command is not to be decided, and is set aside now."""
        self._add(record, self._faults.call_off(record.offset, self.engine.drop_deadline), made)
        failure = self._faults.failed.get(record.offset)
        if failure is None:
            return False
        self._set_aside(record, failure, made)
        return True

    def _add(self, record: Record, events: list[AnyEvent], made: _Made, failure: Failure | None = None) -> None:
        entries, key = made.entries, record.key
        for event in events:
            entries.append(Entry(key or self._key_of(event), encode(event)))
            if event.__class__ in _COPIED:
                self._copy(record, event, made, failure)
        made.events += events
        if failure is not None:
            made.set_aside += events

    def _set_aside(self, record: Record, failure: Failure, made: _Made) -> None:
        command, failure = self._read(record, failure)
        if failure.cause is FailureCause.VERSION:
            self._refuse_half_an_upgrade(record.offset)
        time = record.timestamp * _NANOSECONDS_A_MILLISECOND
        events = self.engine.fail(command, record.offset, time, failure.cause)
        self._add(record, events, made, failure)

    def _read(self, record: Record, failure: Failure) -> tuple[AnyCommand | Envelope | None, Failure]:
        """As much of a command as can be read. What could not be put off as it is has no envelope either."""
        value = record.value or b""
        try:
            if failure.cause is not FailureCause.VERSION:
                return self._decode(value), failure
        except Unreadable:
            pass  # it came so far with another version of this code
        try:
            if len(value) <= self._settings.letter_bytes:
                return decode_envelope(value), failure
            detail = f"{len(value)} bytes, {self._settings.letter_bytes} at most"
        except Unreadable as error:
            detail = str(error)
        return None, Failure(FailureCause.UNREADABLE, detail)

    def _refuse_half_an_upgrade(self, offset: int) -> None:
        """Commands of a later version are put off for a minute or so. When that many wait, something else is wrong."""
        most = self._settings.later_version_commands
        waiting = sum(parked.cause is FailureCause.VERSION for parked in self.engine.state.parked.values())
        if waiting >= most:
            raise LaterVersion(
                f"{ORDERS}/{self.partition} at offset {offset}: {waiting} commands of a later version wait already; "
                "upgrade the workers first"
            )

    def _copy(self, record: Record, event: AnyEvent, made: _Made, failure: Failure | None) -> None:
        if isinstance(event, CommandDeferred):
            if failure is None:
                made.set_aside.append(event)
            topic = RETRIES[event.tier - 1]
            first_failed_at = self.engine.state.parked[event.command_id].first_failed_at
            entry = letters.retry(record, event, failure, first_failed_at)
        elif isinstance(event, CommandDeadLettered):
            topic = DLQ
            assert failure is not None, "nothing dies but by a failure"
            most = self._settings.letter_bytes
            entry = letters.dead_letter(record, event, failure, self._group, self.engine.rules, most)
        else:
            assert isinstance(event, PRODUCT_EVENTS), "nothing else is copied"
            topic = PRODUCTS
            entry = Entry(event.product.product_id.encode(), encode(event.product))
        made.copies.setdefault(topic, []).append(entry)

    def _key_of(self, event: AnyEvent) -> bytes | None:
        """Of an event whose command is about no product: of the product in which a deadline came."""
        book = self.engine.state.products.get(event.number)
        return None if book is None else book.product.product_id.encode()
