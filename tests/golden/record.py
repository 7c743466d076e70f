"""Records what the present rules decide: `python -m tests.golden.record`, once for each version of the rules.

A history that is there is never written again: when the engine decides otherwise than it says, the rules have changed,
and that is a new version of them (`libs.matching.engine.RULES`) with histories of its own. Only a version that never
ruled a market outside of tests may be recorded anew: delete its files first.
"""

import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from libs.events.codec import encode
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.matching.engine import RULES, Engine
from tests.golden.digest import LATEST, digest
from tests.golden.history import FOLDER, FORM, History, Step, save
from tests.golden.traffic import START, Traffic
from tests.property.choosing import Seeded
from tests.property.pair import decided
from tests.property.trouble import Troubled

PARTITION: Final = 0
LENGTH: Final = 400
FAILURES: Final = "failures"
FAILING_SEED: Final = 5
SCENARIOS: Final[Mapping[str, frozenset[str]]] = {
    "orders": frozenset(),
    "stops": frozenset({"stops"}),
    "icebergs": frozenset({"icebergs"}),
    "deadlines": frozenset({"deadlines"}),
    "self-trade": frozenset({"self-trade"}),
    "growth": frozenset({"growth"}),
    "everything": frozenset({"stops", "icebergs", "deadlines", "self-trade"}),
}


def record(name: str, commands: Iterable[tuple[AnyCommand, int]]) -> History:
    """What the engine of this version makes of them."""
    engine = Engine(PARTITION)
    steps = [_step(engine, -1, START, None, engine.adopt_rules())]
    for offset, (command, time) in enumerate(commands):
        events = engine.handle(command, offset, time)
        steps.append(_step(engine, offset, time, encode(command), events))
    return History(FORM, name, PARTITION, RULES, LATEST, steps)


def record_failures() -> History:
    """Commands that fail, come back, die and are replayed, as a stream that listens to their events sends them."""
    engine, stream = Engine(PARTITION), Troubled(Seeded(FAILING_SEED), products=2)
    steps = [_step(engine, -1, START, None, engine.adopt_rules())]
    for _ in range(LENGTH):
        asked = stream.next()
        events = decided(engine, asked)
        stream.learn(events)
        step = _step(engine, asked.offset, asked.time, encode(asked.command), events)
        steps.append(msgspec.structs.replace(step, cause=asked.cause or 0))
    return History(FORM, FAILURES, PARTITION, RULES, LATEST, steps)


def _step(engine: Engine, offset: int, time: int, command: bytes | None, events: list[AnyEvent]) -> Step:
    return Step(offset, time, command, [encode(event) for event in events], digest(engine.state, LATEST))


def scenario(name: str) -> Iterable[tuple[AnyCommand, int]]:
    """The commands of a scenario, the same ones every time."""
    return islice(Traffic(sum(name.encode()), SCENARIOS[name]), LENGTH)


def main(folder: Path = FOLDER) -> int:
    """0 when all are written, 1 when one was there."""
    refused = 0
    for history in (*(record(name, scenario(name)) for name in SCENARIOS), record_failures()):
        try:
            print(f"{save(history, folder).name} recorded")
        except FileExistsError as error:
            print(f"{Path(error.filename).name} is there: what was recorded is never written again", file=sys.stderr)
            refused += 1
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
