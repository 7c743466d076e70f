"""The keys that a process knows, as the topic `api-keys` has them: read to its end at the start, then followed.

A revocation is final: a record that comes after it, or again because the topic is read anew, brings no key back.
"""

import asyncio
from collections.abc import Mapping, Sequence

from libs.access.keys import ApiKey, Unreadable, decode_key, opened
from libs.access.sealing import Sealer, Unopenable
from libs.events.topics import API_KEYS
from libs.kafka.ports import Log, LogReader, Record
from libs.service.failures import Transient
from libs.service.health import Health
from libs.service.logging import Log as Logger
from libs.service.waiting import until_set

_ASPECT = "api keys"
_POLL_RECORDS = 1_000


class KeyRing:
    """Usable keys by id."""

    def __init__(self, sealer: Sealer, logger: Logger) -> None:
        self.loaded = False
        self._sealer = sealer
        self._logger = logger
        self._keys: dict[str, ApiKey] = {}
        self._revoked: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key_id: str) -> ApiKey | None:
        return self._keys.get(key_id)

    def take(self, key_id: str, value: bytes | None) -> None:
        """A record of the topic. One that cannot be used is told, and leaves the others alone."""
        if value is None:
            self._revoke(key_id)
            return
        try:
            record = decode_key(value)
            if record.revoked or record.id != key_id:
                self._revoke(key_id)
            elif key_id not in self._revoked:
                self._keys[key_id] = opened(record, self._sealer)
        except (*Unreadable, Unopenable) as error:
            self._keys.pop(key_id, None)
            self._logger.warning("api key unusable", key=key_id, detail=f"{type(error).__name__}: {error}")

    def _revoke(self, key_id: str) -> None:
        self._keys.pop(key_id, None)
        self._revoked.add(key_id)


class KeyFollower:
    """Keeps a ring as the topic is, for as long as the process lives, also through times when the log is away."""

    def __init__(self, log: Log, ring: KeyRing, health: Health, logger: Logger, poll_s: float, retry_s: float) -> None:
        self._log = log
        self._ring = ring
        self._health = health
        self._logger = logger
        self._poll_s = poll_s
        self._retry_s = retry_s
        health.ready(False, "the API keys are not read yet", aspect=_ASPECT)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._follow(stop)
            except Transient as error:
                self._logger.warning("api keys unavailable", detail=str(error))
                await until_set(stop, self._retry_s)

    async def _follow(self, stop: asyncio.Event) -> None:
        reader = self._log.reader(API_KEYS)
        await reader.start()
        try:
            await self._load(reader)
            while not stop.is_set():
                self._apply(await reader.poll(_POLL_RECORDS, self._poll_s))
        finally:
            await reader.stop()

    async def _load(self, reader: LogReader) -> None:
        bounds = {partition: await reader.bounds(partition) for partition in await reader.partitions()}
        reader.assign({partition: found.start for partition, found in bounds.items()})
        while any(reader.position(partition) < found.end for partition, found in bounds.items()):
            self._apply(await reader.poll(_POLL_RECORDS, self._poll_s))
        if not self._ring.loaded:
            self._logger.info("api keys read", keys=len(self._ring))
        self._ring.loaded = True
        self._health.ready(True, aspect=_ASPECT)

    def _apply(self, polled: Mapping[int, Sequence[Record]]) -> None:
        for records in polled.values():
            for record in records:
                self._ring.take((record.key or b"").decode("utf-8", "replace"), record.value)
