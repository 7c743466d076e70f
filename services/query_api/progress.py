"""How far a side of the reads is, and who waits for it to come further.

One object for Postgres, one for the live book; both count the commands of each partition whose outcome is in.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from libs.service.problems import INVALID_POSITION, NOT_READY, OVERLOADED, Problem

HEADER: Final = "Outcry-Position"
_MOST_POSITIONS: Final = 256
_MOST_DIGITS: Final = 18


class Progress:
    """Offsets in `orders`, by partition, of the last command whose outcome can be read."""

    def __init__(self, name: str, most_waiting: int) -> None:
        self._name = name
        self._most_waiting = most_waiting
        self._waiting = 0
        self._offsets: dict[int, int] = {}
        self._changed: dict[int, asyncio.Future[None]] = {}

    def offset(self, partition: int) -> int:
        return self._offsets.get(partition, -1)

    def advance(self, partition: int, command_offset: int) -> None:
        """Also backwards: Postgres may have lost its newest transactions in a crash."""
        if self._offsets.get(partition) == command_offset:
            return
        self._offsets[partition] = command_offset
        changed = self._changed.pop(partition, None)
        if changed is not None and not changed.done():
            changed.set_result(None)

    def forget(self) -> None:
        """Nothing is known until it is told anew."""
        self._offsets.clear()

    async def reach(self, wanted: Mapping[int, int], limit_s: float) -> None:
        """Return when every wanted command's outcome is in. Raises Problem after `limit_s`, or when too many wait."""
        if self._reached(wanted):
            return
        try:
            async with asyncio.timeout(limit_s):
                while (partition := self._missing(wanted)) is not None:
                    await self._change(partition)
        except TimeoutError:
            behind = self._missing(wanted)
            raise Problem(
                NOT_READY,
                f"{self._name} has not passed position {behind}:{wanted.get(behind or 0)} within {limit_s:g} s",
                HEADER,
            ) from None

    async def change(self, partition: int, limit_s: float) -> bool:
        """Whether anything came in before `limit_s` was over."""
        try:
            async with asyncio.timeout(limit_s):
                await self._change(partition)
        except TimeoutError:
            return False
        return True

    def _reached(self, wanted: Mapping[int, int]) -> bool:
        return self._missing(wanted) is None

    def _missing(self, wanted: Mapping[int, int]) -> int | None:
        return next((at for at, offset in wanted.items() if self.offset(at) < offset), None)

    async def _change(self, partition: int) -> None:
        if self._waiting >= self._most_waiting:
            raise Problem(OVERLOADED, f"{self._waiting} requests wait for {self._name} already")
        changed = self._changed.get(partition)
        if changed is None:
            changed = self._changed[partition] = asyncio.get_running_loop().create_future()
        self._waiting += 1
        try:
            await asyncio.shield(changed)
        finally:
            self._waiting -= 1


def positions(headers: Iterable[tuple[bytes, bytes]]) -> dict[int, int]:
    """What `Outcry-Position` says, the largest of each partition; empty without the header. Raises Problem."""
    name = HEADER.lower().encode()
    value = next((value for key, value in headers if key == name), None)
    if value is None:
        return {}
    wanted: dict[int, int] = {}
    parts = value.decode("ascii", "replace").split(",")
    if len(parts) > _MOST_POSITIONS:
        raise Problem(INVALID_POSITION, f"{len(parts)} positions, {_MOST_POSITIONS} at most", HEADER)
    for part in parts:
        partition, _, offset = part.strip().partition(":")
        if not (_is_number(partition) and _is_number(offset)) or int(partition) >= _MOST_POSITIONS:
            raise Problem(INVALID_POSITION, f"{part[:64]!r} is no position", HEADER)
        wanted[int(partition)] = max(int(offset), wanted.get(int(partition), -1))
    return wanted


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
