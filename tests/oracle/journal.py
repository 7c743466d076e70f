"""The events of one command: the oracle says what happened, the journal writes the headers."""

from collections.abc import Callable

from msgspec.structs import replace

from libs.events.commands import AnyCommand, Envelope
from libs.events.events import AnyEvent
from tests.oracle.market import Market

Kind = Callable[..., AnyEvent]


class Journal:
    def __init__(self, command: AnyCommand | Envelope, offset: int, now: int, seq: int) -> None:
        self._command = command
        self._offset = offset
        self._now = now
        self._sender: tuple[str, int, int] = ("", 0, 0)
        self.seq = seq
        """Of the last event written."""
        self.events: list[AnyEvent] = []

    def begin(self) -> None:
        """What was due is over: the next event is the command's own first."""
        self._sender = (self._command.account, self._command.key, self._command.sent)

    def public(self, market: Market, kind: Kind, *fields: object) -> None:
        market.sequence += 1
        self._write(kind, market.number, market.sequence, fields)

    def private(self, market: Market, kind: Kind, *fields: object) -> None:
        self._write(kind, market.number, market.sequence, fields)

    def unlisted(self, number: int, kind: Kind, *fields: object) -> None:
        """A fact about no listed product."""
        self._write(kind, number, 0, fields)

    def fact(self, market: Market | None, number: int, kind: Kind, *fields: object) -> None:
        """A private fact about a product that may be listed."""
        if market is None:
            self.unlisted(number, kind, *fields)
        else:
            self.private(market, kind, *fields)

    def aside(self, market: Market | None, number: int, kind: Kind, *fields: object) -> None:
        """The same of what is not the command's own: who sent it is told by another event."""
        sender, self._sender = self._sender, ("", 0, 0)
        self.fact(market, number, kind, *fields)
        self._sender = sender

    def close(self) -> list[AnyEvent]:
        self.events[-1] = replace(self.events[-1], last=True)
        return self.events

    def _write(self, kind: Kind, number: int, sequence: int, fields: tuple[object, ...]) -> None:
        self.seq += 1
        header = (self.seq, number, sequence, self._now, self._offset, self._command.command_id, False)
        self.events.append(kind(*header, *self._sender, *fields))
        self._sender = ("", 0, 0)
