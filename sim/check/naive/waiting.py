"""What waits to come back, and the dead letters that are open."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from libs.events.commands import AnyCommand, Envelope, PlaceOrder, tag_of
from libs.events.values import FailureCause, OrderTerms

MINUTE: Final = 60_000_000_000
MOST: Final = 10_000
MOST_IN_LINE: Final = 100


@dataclass
class Waiter:
    """A command that was put off."""

    command: AnyCommand | Envelope
    line: bytes
    """The order whose commands wait one behind the other, or the command itself."""
    attempt: int = 0
    """With which it is awaited."""
    failures: int = 0
    cause: FailureCause = FailureCause.FOLLOWER
    since: int = 0
    """Engine time, ns, of its first failure."""

    @property
    def is_place(self) -> bool:
        return self.command.order_id == self.command.command_id


class Waiting:
    """In log order: who is put off again keeps the place."""

    def __init__(self) -> None:
        self.waiters: dict[bytes, Waiter] = {}
        self.letters: dict[int, int] = {}
        """How many replays each open dead letter has behind it, by its offset."""
        self._faults: dict[int, dict[bytes, int]] = {}

    def awaited(self, command: AnyCommand | Envelope) -> Waiter | None:
        waiter = self.waiters.get(command.command_id)
        return waiter if waiter is not None and waiter.attempt == command.attempt else None

    def line(self, name: bytes) -> list[Waiter]:
        return [waiter for waiter in self.waiters.values() if waiter.line == name]

    def is_first(self, waiter: Waiter) -> bool:
        return self.line(waiter.line)[0] is waiter

    def is_full(self, line: bytes) -> bool:
        return len(self.waiters) >= MOST or len(self.line(line)) >= MOST_IN_LINE

    def key_used(self, key: int) -> bytes | None:
        return next(
            (each.command.command_id for each in self.waiters.values() if key and each.command.key == key), None
        )

    def place(self, account: str, number: int, name: str | int) -> bytes | None:
        """The order that waits under this name of its account."""
        for waiter in self.waiters.values():
            command = waiter.command
            whose = command.account, command.number, command.client_oid or command.key
            if name and waiter.is_place and whose == (account, number, name):
                return command.command_id
        return None

    def of(self, account: str, number: int, side: int | None) -> set[bytes]:
        """The lines of the orders that an account has waiting; of unknown side, they are of either."""
        return {
            waiter.line
            for waiter in self.waiters.values()
            if waiter.is_place
            and (waiter.command.account, waiter.command.number) == (account, number)
            and (side is None or not isinstance(waiter.command, PlaceOrder) or waiter.command.side == side)
        }

    def lines_of_product(self, number: int) -> set[bytes]:
        return {waiter.line for waiter in self.waiters.values() if waiter.command.number == number}

    def take(self, lines: Iterable[bytes]) -> list[Waiter]:
        """Everybody in these lines, in log order; they wait no more."""
        taken = [waiter for waiter in self.waiters.values() if waiter.line in lines]
        for waiter in taken:
            del self.waiters[waiter.command.command_id]
        return taken

    def fault(self, number: int, command_id: bytes, time: int) -> int:
        """Different commands of a product that raised an error within a minute, this one too."""
        faults = {known: at for known, at in self._faults.get(number, {}).items() if time - at < MINUTE}
        faults[command_id] = time
        self._faults[number] = faults
        return len(faults)

    def forget_faults(self, number: int) -> None:
        self._faults.pop(number, None)


def kind(command: AnyCommand | Envelope) -> int:
    return command.kind if isinstance(command, Envelope) else tag_of(type(command))


def terms(command: AnyCommand | Envelope) -> OrderTerms | None:
    if not isinstance(command, PlaceOrder):
        return None
    return OrderTerms(
        command.side, command.type, command.price, command.size, command.funds, command.time_in_force, command.post_only,
        command.stp, command.stop_price, command.max_floor, command.expire_time,
    )  # fmt: skip


def places(waiters: Iterable[Waiter]) -> int:
    """How many of them are orders."""
    return sum(waiter.is_place for waiter in waiters)
