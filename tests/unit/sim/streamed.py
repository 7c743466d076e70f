"""A script out of a seeded stream of all rules."""

from typing import Final

from libs.events.commands import AnyCommand
from libs.events.events import CommandDeadLettered, CommandDeferred, CommandResumed, DeadLetterClosed
from tests.property.choosing import Seeded
from tests.property.streams import Stream
from tests.unit.sim.script import Script

FAILURES: Final = {CommandDeferred, CommandResumed, CommandDeadLettered, DeadLetterClosed}
"""What no stream comes to, since none of its commands fails."""


class Sensible(Stream):
    """Its values are such as order_api lets through."""

    def _distorted(self, command: AnyCommand) -> AnyCommand:
        return command


def streamed(seed: int, length: int, *, sensible: bool = False) -> Script:
    script, stream = Script(), (Sensible if sensible else Stream)(Seeded(seed))
    for _ in range(length):
        step = stream.next()
        script.now = step.time
        stream.learn(script.do(step.command))
    return script
