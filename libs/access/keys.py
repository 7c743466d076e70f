"""An API key: as it stands in the topic `api-keys`, as a process holds it, and as its owner is shown it, once."""

import base64
import os
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from libs.access.scopes import Scope, Scopes, scopes_of
from libs.access.sealing import Sealer

SECRET_BYTES: Final = 64
API_KEY: Final = "OUTCRY_API_KEY"
API_SECRET: Final = "OUTCRY_API_SECRET"  # noqa: S105  the name of a variable
API_PASSPHRASE: Final = "OUTCRY_API_PASSPHRASE"  # noqa: S105  likewise
"""Where clients of ours look for a key in their environment."""
_PASSPHRASE_BYTES: Final = 12
_ID_BYTES: Final = 16


class StoredKey(msgspec.Struct, frozen=True, array_like=True, tag=1, kw_only=True):
    """A record of `api-keys`; its Kafka key is `id`. Fields are only ever appended, with defaults. Times in ns, UTC.

    A revoked key keeps its record, without its secret, and stays revoked whatever is written later.
    """

    id: str
    account: str
    scopes: tuple[str, ...]
    created: int
    expires: int = 0
    """0 is never."""
    revoked: int = 0
    """0 is not."""
    label: str = ""
    sealed: bytes = b""

    def context(self) -> bytes:
        """What the seal covers besides the secret: all that decides what the key may do."""
        return _encode((self.id, self.account, self.scopes, self.created, self.expires))


class ApiKey(NamedTuple):
    """A key that can be used: its secret is open, in memory only."""

    id: str
    account: str
    scopes: Scopes
    secret: bytes
    """The bytes that the shown secret is the base64 of."""
    passphrase: bytes
    expires: int


class Shown(NamedTuple):
    """What the owner of a new key gets to see, once."""

    id: str
    secret: str
    passphrase: str


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    secret: bytes
    passphrase: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_records: Final = msgspec.msgpack.Decoder(StoredKey)
_opened: Final = msgspec.msgpack.Decoder(_Sealed)

encode_key: Final = _encode
decode_key: Final = _records.decode
Unreadable = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def new_key(
    sealer: Sealer, account: str, scopes: Iterable[Scope], *, created: int, expires: int = 0, label: str = ""
) -> tuple[StoredKey, Shown]:
    """A key of fresh entropy: the record to publish, and what to show."""
    secret = os.urandom(SECRET_BYTES)
    passphrase = base64.urlsafe_b64encode(os.urandom(_PASSPHRASE_BYTES)).decode()
    record = StoredKey(
        id=os.urandom(_ID_BYTES).hex(),
        account=account,
        scopes=tuple(sorted(scopes)),
        created=created,
        expires=expires,
        label=label,
    )
    sealed = sealer.seal(_encode(_Sealed(secret, passphrase.encode())), record.context())
    shown = Shown(record.id, base64.b64encode(secret).decode(), passphrase)
    return msgspec.structs.replace(record, sealed=sealed), shown


def as_environment(shown: Shown) -> dict[str, str]:
    return {API_KEY: shown.id, API_SECRET: shown.secret, API_PASSPHRASE: shown.passphrase}


def revoked(record: StoredKey, at: int) -> StoredKey:
    """The record that ends a key."""
    return msgspec.structs.replace(record, revoked=at, sealed=b"")


def opened(record: StoredKey, sealer: Sealer) -> ApiKey:
    """Raises Unopenable when the record was sealed under another key, or altered."""
    inside = _opened.decode(sealer.open(record.sealed, record.context()))
    scopes = scopes_of(record.scopes)
    return ApiKey(record.id, record.account, scopes, inside.secret, inside.passphrase, record.expires)
