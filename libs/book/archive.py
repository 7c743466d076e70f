"""Commands that are remembered, in flat arrays: no object for each of them, and nothing to free when they are forgotten.

A row is a command's id and the key that it used up. Rows are numbered from 1 on. Each row is in two chains, of the rows
whose ids, or whose keys, share a slot: the slot has the number of the newest of them, and each row the number of the one
before. A number below that of the first row that is left ends a chain, so nobody takes anything out of one.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Final

from libs.events.values import NO_ID

ID_BYTES: Final = 16
SLOTS: Final = (1 << 11, 1 << 17, 1 << 20)
"""For ids. Each number in turn, when there are more rows than slots; the last is for a full window."""
_FOR_KEYS: Final = 4
"""So many times more slots for keys: nearly every key is new, and meets nothing there."""
LAST: Final = (1 << 32) - 1
"""No row has a larger number: before one would, those that are left are numbered anew."""
_SLACK: Final = 4_096
"""Rows that may be forgotten and still there, beside a quarter of those that are left."""


class Archive:
    __slots__ = (
        "_first",
        "_forgotten",
        "_id_chain",
        "_id_mask",
        "_ids",
        "_key_chain",
        "_key_mask",
        "_keys",
        "_newest_id",
        "_newest_key",
        "_next",
    )

    def __init__(self) -> None:
        self._restart(SLOTS[0])

    def _restart(self, slots: int) -> None:
        self._next = self._first = 1
        self._forgotten = 0
        """Rows before the first that are still there."""
        self._ids, self._keys = bytearray(), array("Q")
        self._id_chain, self._key_chain = array("I"), array("I")
        self._id_mask, self._key_mask = slots - 1, _FOR_KEYS * slots - 1
        self._newest_id = array("I", bytes(4 * slots))
        self._newest_key = array("I", bytes(4 * _FOR_KEYS * slots))

    def __len__(self) -> int:
        return self._next - self._first

    def has(self, command_id: bytes) -> bool:
        number, first = self._newest_id[hash(command_id) & self._id_mask], self._first
        if number >= first:
            ids, chain, zero = self._ids, self._id_chain, first - self._forgotten
            while number >= first:
                at = number - zero
                if ids[ID_BYTES * at : ID_BYTES * at + ID_BYTES] == command_id:
                    return True
                number = chain[at]
        return False

    def user_of(self, key: int) -> bytes:
        """The command that used a key up; NO_ID if none did."""
        number, first = self._newest_key[key & self._key_mask], self._first
        if number >= first:
            keys, chain, zero = self._keys, self._key_chain, first - self._forgotten
            while number >= first:
                at = number - zero
                if keys[at] == key:
                    return bytes(self._ids[ID_BYTES * at : ID_BYTES * at + ID_BYTES])
                number = chain[at]
        return NO_ID

    def extend(self, commands: Mapping[bytes, int]) -> None:
        """Add commands that are not there: their ids, and the keys that they used up; 0 is none."""
        rows, slots = len(self) + len(commands), self._id_mask + 1
        if self._next + len(commands) > LAST or rows > slots < SLOTS[-1]:
            before = dict(zip(split(self.ids()), self.keys(), strict=True))
            self._restart(next((size for size in SLOTS if size >= rows), SLOTS[-1]))
            self._append(before)
        self._append(commands)

    def forget(self, count: int) -> None:
        """The first `count` rows are there no more."""
        self._first += count
        self._forgotten += count
        if self._forgotten > len(self) // 4 + _SLACK:
            del self._ids[: ID_BYTES * self._forgotten]
            for column in (self._keys, self._id_chain, self._key_chain):
                del column[: self._forgotten]
            self._forgotten = 0

    def ids(self) -> bytes:
        """One after the other, the oldest first."""
        return bytes(self._ids[ID_BYTES * self._forgotten :])

    def keys(self) -> list[int]:
        """In the order of the ids."""
        return self._keys[self._forgotten :].tolist()

    def _append(self, commands: Mapping[bytes, int]) -> None:
        number, id_mask, key_mask = self._next, self._id_mask, self._key_mask
        newest_id, newest_key = self._newest_id, self._newest_key
        chain_id, chain_key = self._id_chain.append, self._key_chain.append
        for command_id, key in commands.items():
            slot = hash(command_id) & id_mask
            chain_id(newest_id[slot])
            newest_id[slot] = number
            if key:
                slot = key & key_mask
                chain_key(newest_key[slot])
                newest_key[slot] = number
            else:
                chain_key(0)
            number += 1
        self._ids += b"".join(commands)
        self._keys.extend(commands.values())
        self._next = number


def split(ids: bytes) -> list[bytes]:
    """Ids that stand one after the other."""
    return [ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES)]
