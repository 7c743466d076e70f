"""Lines of a script about commands that fail, come back, die and are replayed.

fault place A1 ann sell 5 @ 101          -> deferred fault 1
follow: amend A1 ann size 4              -> deferred follower 1
back A1                                  -> resumed, accepted, rests 5
back follow                              -> resumed, amended, keeps priority
crash place A2 ann sell 5 @ 101          -> dead crash, rejected dead_lettered
replay A2 as R2                          -> closed replayed, accepted, rests 5
discard A3                               -> closed discarded
"""

from collections.abc import Callable

from msgspec.structs import replace

from libs.events.codec import decode_envelope, encode
from libs.events.commands import AnyCommand, DiscardDeadLetter, Envelope
from libs.events.events import AnyEvent, CommandDeadLettered
from libs.events.ids import replay_key
from libs.events.values import NO_ID, DeadLetterName, FailureCause
from tests.unit.matching.script_venue import Venue, parse
from tests.unit.matching.script_words import show, show_event


def fail(cause: FailureCause) -> Callable[[Venue, str], str]:
    """`fault place …`: the command comes, and fails. `version …`: no more than its envelope can be read."""

    def failed(venue: Venue, said: str) -> str:
        command = parse(venue, said)
        return show_failed(venue, command, venue.fail(as_read(command, cause), cause))

    return failed


def as_read(command: AnyCommand, cause: FailureCause) -> AnyCommand | Envelope:
    return decode_envelope(encode(command)) if cause is FailureCause.VERSION else command


def show_failed(venue: Venue, command: AnyCommand, events: list[AnyEvent]) -> str:
    """Where it died is remembered by its name."""
    if any(isinstance(event, CommandDeadLettered) for event in events):
        venue.dead[next(name for name, known in venue.commands.items() if known is command)] = venue.offset
    return show(command, events, venue.names)


def back(venue: Venue, said: str) -> str:
    """`back A1`: it comes back, as it is awaited; `back A1 1` with that attempt; `back A1 fault`: and fails again."""
    name, *how = said.split()
    command = venue.commands[name]
    parked = venue.engine.state.parked.get(command.command_id)
    attempt = int(how[0]) if how and how[0].isdigit() else parked.attempt if parked is not None else 1
    venue.commands[name] = command = replace(command, attempt=attempt)
    if not how or how[0].isdigit():
        return show(command, venue.send(command), venue.names)
    cause = FailureCause[how[0].upper()]
    return show_failed(venue, command, venue.fail(as_read(command, cause), cause))


def replay(venue: Venue, said: str) -> str:
    """`replay A1 as R1`: the command that died comes as a new one; `replay A1 as R1 fault`: and fails."""
    dead, _, name, *how = said.split()
    letter = DeadLetterName(0, venue.dead[dead])
    command, new_id = venue.commands[dead], venue.id_of(name)
    order_id = new_id if command.order_id == command.command_id else command.order_id
    key = replay_key(letter.partition, letter.offset)
    venue.commands[name] = command = replace(
        command, command_id=new_id, order_id=order_id, key=key, sent=venue.now, attempt=0, replay_of=letter
    )
    if not how:
        return show(command, venue.send(command), venue.names)
    return show_failed(venue, command, venue.fail(command, FailureCause[how[0].upper()]))


def discard(venue: Venue, said: str) -> str:
    head = (venue.id_of(f"command {venue.offset + 1}"), "op", venue.number, NO_ID, "", 0, venue.now, 0, None)
    letter = DeadLetterName(0, venue.dead[said])
    command = DiscardDeadLetter(*head, letter, "no use")
    return show(command, venue.send(command), venue.names)


def unreadable(venue: Venue, said: str) -> str:
    venue.dead[said] = venue.offset + 1
    return ", ".join(show_event(event, NO_ID, venue.names) for event in venue.fail(None, FailureCause.UNREADABLE))


def drop(venue: Venue, said: str) -> str:
    """`drop A1`, or `drop switch ann`: the deadline faulted twice."""
    name: str | bytes = said.split()[1] if said.startswith("switch ") else venue.ids[said]
    return ", ".join(show_event(event, NO_ID, venue.names) for event in venue.drop(name))


SAID: dict[str, Callable[[Venue, str], str]] = {
    "fault": fail(FailureCause.FAULT),
    "version": fail(FailureCause.VERSION),
    "crash": fail(FailureCause.CRASH),
    "back": back,
    "replay": replay,
    "discard": discard,
    "unreadable": unreadable,
    "drop": drop,
}
