"""How far the read side is, as its transactions tell it: each notifies its positions in Postgres."""

import asyncio
import time
from collections.abc import Callable, Mapping

from libs.read_model.connect import Connection, connect
from libs.read_model.positions import CHANNEL, from_payload, read_positions

_TIMEOUT_S = 10.0


class Projection:
    """`moved` is told of each change: monotonic time, partition, and the last command whose outcome can be read."""

    def __init__(self, moved: Callable[[float, int, int], None]) -> None:
        self._moved = moved
        self._connection: Connection | None = None

    async def start(self, address: str) -> Mapping[int, int]:
        """The positions at the start, by partition."""
        self._connection = connection = await connect(address, "bench-projection", _TIMEOUT_S)
        await connection.add_listener(CHANNEL, self._notified)
        return {position.partition: position.command_offset for position in (await read_positions(connection)).values()}

    async def stop(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        now = time.monotonic()
        for position in from_payload(str(payload)) or ():
            self._moved(now, position.partition, position.command_offset)


class Lag:
    """What is acknowledged and not yet queryable, by partition."""

    def __init__(self, ahead: int) -> None:
        self.most_commands = 0
        self.most_seconds = 0.0
        self.behind = 0
        """Commands."""
        self.caught_up_at = 0.0
        self.relieved = asyncio.Event()
        """Set while fewer than `ahead` commands are not queryable."""
        self._ahead = ahead
        self._acked: dict[int, list[tuple[float, int]]] = {}
        self._asked: dict[int, int] = {}
        self._shown: dict[int, int] = {}
        self.relieved.set()

    def begin(self, shown: Mapping[int, int]) -> None:
        self._shown.update(shown)

    def acknowledged(self, partition: int, offset: int) -> None:
        """Just now."""
        self._asked[partition] = max(offset, self._asked.get(partition, -1))
        self._acked.setdefault(partition, []).append((time.monotonic(), offset))
        self._count()

    def moved(self, now: float, partition: int, offset: int) -> None:
        self._shown[partition] = offset
        waiting = self._acked.get(partition, [])
        passed = next((at for at, (_, asked) in enumerate(waiting) if asked > offset), len(waiting))
        if passed:
            self.most_seconds = max(self.most_seconds, now - waiting[0][0])
            del waiting[:passed]
        self._count()
        if not self.behind:
            self.caught_up_at = now

    def _count(self) -> None:
        self.behind = sum(max(0, asked - self._shown.get(at, -1)) for at, asked in self._asked.items())
        self.most_commands = max(self.most_commands, self.behind)
        if self.behind < self._ahead:
            self.relieved.set()
        else:
            self.relieved.clear()
