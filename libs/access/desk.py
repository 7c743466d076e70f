"""Where keys are made, listed and revoked: straight in the log, each deed first in `operator-audit`."""

from collections.abc import Iterable
from typing import Final

from libs.access.audit import Deed, encode_deed
from libs.access.caller import is_account
from libs.access.keys import Shown, StoredKey, Unreadable, decode_key, encode_key, new_key, revoked
from libs.access.scopes import Scope
from libs.access.sealing import Sealer
from libs.events.topics import API_KEYS, OPERATOR_AUDIT
from libs.kafka.ports import Entry, Log
from libs.service.clock import Clock

_PARTITION: Final = 0
_POLL_RECORDS: Final = 1_000
_POLL_S: Final = 0.5
LABEL_LIMIT: Final = 80


class NoSuchKey(Exception):
    """The message names the id."""


class KeyDesk:
    """`actor` is who is named in the audit. Raises what the log raises: Transient when it is away."""

    def __init__(self, log: Log, clock: Clock, actor: str) -> None:
        self._log = log
        self._clock = clock
        self._actor = actor

    async def create(
        self, sealer: Sealer, account: str, scopes: Iterable[Scope], *, lives_ns: int = 0, label: str = ""
    ) -> tuple[StoredKey, Shown]:
        """Acknowledged by the log. The secret is nowhere but in what is returned. Raises ValueError for a bad name."""
        if not is_account(account):
            raise ValueError(f"{account[:80]!r} is no account: 1 to 64 letters, digits, '.', '_', ':' or '-'")
        if len(label) > LABEL_LIMIT or not label.isprintable():
            raise ValueError(f"a label is at most {LABEL_LIMIT} printable characters")
        now = self._clock.now()
        expires = now + lives_ns if lives_ns else 0
        record, shown = new_key(sealer, account, scopes, created=now, expires=expires, label=label)
        details = {"account": account, "scopes": " ".join(record.scopes), "label": label}
        await self._write(
            record, Deed(at=now, actor=self._actor, action="keys.create", subject=record.id, details=details)
        )
        return record, shown

    async def revoke(self, key_id: str) -> StoredKey:
        """Ends the key; once revoked, again is nothing. Raises NoSuchKey."""
        known = {record.id: record for record in await self.list()}
        if key_id not in known:
            raise NoSuchKey(f"there is no key {key_id[:80]!r}")
        if known[key_id].revoked:
            return known[key_id]
        now = self._clock.now()
        record = revoked(known[key_id], now)
        details = {"account": record.account}
        await self._write(
            record, Deed(at=now, actor=self._actor, action="keys.revoke", subject=key_id, details=details)
        )
        return record

    async def list(self) -> list[StoredKey]:
        """Every key ever made, oldest first; what cannot be read is left out."""
        reader = self._log.reader(API_KEYS)
        await reader.start()
        found: dict[str, StoredKey] = {}
        try:
            bounds = await reader.bounds(_PARTITION)
            reader.assign({_PARTITION: bounds.start})
            while reader.position(_PARTITION) < bounds.end:
                for each in (await reader.poll(_POLL_RECORDS, _POLL_S)).get(_PARTITION, ()):
                    _learn(found, each.value)
        finally:
            await reader.stop()
        return sorted(found.values(), key=lambda record: (record.created, record.id))

    async def _write(self, record: StoredKey, deed: Deed) -> None:
        publisher = self._log.publisher()
        try:
            await publisher.start()
            await publisher.publish(OPERATOR_AUDIT, _PARTITION, [Entry(record.id.encode(), encode_deed(deed))])
            await publisher.publish(API_KEYS, _PARTITION, [Entry(record.id.encode(), encode_key(record))])
        finally:
            await publisher.close()


def _learn(found: dict[str, StoredKey], value: bytes | None) -> None:
    try:
        record = decode_key(value or b"")
    except Unreadable:
        return
    before = found.get(record.id)
    if before is None or not before.revoked:
        found[record.id] = record
