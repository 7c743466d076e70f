"""What aiokafka's connections are taught: patience with a broker that is away, and what uvloop says of one that went.

Its clients ask a broker that did not take a connection again at once, each by itself. A process has dozens of them, and
while its broker is away they use up the core on which the broker wants to start. Here they wait, all together, a little
longer after each failure. And a write to a connection that has just gone raises a RuntimeError under uvloop, which
aiokafka does not take for what it is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, Protocol, TypeAlias, TypeVar, cast

import aiokafka.client
import aiokafka.conn
import aiokafka.errors

P = ParamSpec("P")
R = TypeVar("R")

Address: TypeAlias = tuple[str, int]
FIRST_S: Final = 0.02
MOST_S: Final = 0.32
"""A broker that is back waits at most so long for the first who asks."""


class Reconnects:
    """When each address may be asked, by a clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pauses: dict[Address, float] = {}
        """Of addresses that failed."""
        self._due: dict[Address, float] = {}

    def wait(self, address: Address) -> float:
        """Seconds until it may be asked; 0 of one that did not fail."""
        return max(0.0, self._due.get(address, 0.0) - self._clock())

    def failed(self, address: Address) -> None:
        """However many fail at the same time, the pause grows once."""
        now = self._clock()
        if now >= self._due.get(address, 0.0):
            pause = min(MOST_S, 2 * self._pauses.get(address, FIRST_S / 2))
            self._pauses[address], self._due[address] = pause, now + pause

    def succeeded(self, address: Address) -> None:
        self._pauses.pop(address, None)
        self._due.pop(address, None)


_reconnects: Final = Reconnects(time.monotonic)
"""Of this process: what one client has learned of a broker, all know."""


def patient(connect: Callable[P, Awaitable[R]], reconnects: Reconnects) -> Callable[P, Awaitable[R]]:
    """`connect`, whose first two arguments are host and port, with the waits before it."""

    async def connected(*args: P.args, **options: P.kwargs) -> R:
        address = (str(args[0]), int(str(args[1])))
        await asyncio.sleep(reconnects.wait(address))
        try:
            made = await connect(*args, **options)
        except Exception:
            reconnects.failed(address)
            raise
        reconnects.succeeded(address)
        return made

    return connected


class Closable(Protocol):
    """An `AIOKafkaConnection`."""

    def close(self, reason: object) -> object: ...


def honest(send: Callable[P, R]) -> Callable[P, R]:
    """`send` of a connection, which is its first argument: one that has gone is closed, and said to be so."""

    def sent(*args: P.args, **options: P.kwargs) -> R:
        try:
            return send(*args, **options)
        except RuntimeError as error:
            cast("Closable", args[0]).close(reason=aiokafka.conn.CloseReason.CONNECTION_BROKEN)
            raise aiokafka.errors.KafkaConnectionError(f"a connection is broken: {error}") from error

    return sent


aiokafka.conn.AIOKafkaConnection.send = honest(aiokafka.conn.AIOKafkaConnection.send)
aiokafka.client.create_conn = patient(aiokafka.client.create_conn, _reconnects)
