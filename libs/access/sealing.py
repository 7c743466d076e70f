"""Secrets at rest: AES-256-GCM under a key that only settings hold, bound to the record that the secret stands in.

Whoever can write the topic but does not have the key can neither read a secret, nor make one, nor move one to another
account or scope: the tag covers the context too.
"""

import base64
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
SECRETS_FILE: Final = "secrets.key"
"""In the data directory of a local run: what the setting is there."""
_NONCE_BYTES: Final = 12


class NotAKey(ValueError):
    """The setting is no list of keys. The message never holds the value."""


class Unopenable(Exception):
    """Sealed under another key, or altered."""


class Sealer:
    """Seals under the first key, opens under any: a new key is put in front of the old one until all is sealed anew."""

    def __init__(self, *keys: bytes) -> None:
        if not keys:
            raise NotAKey("no key is given")
        self._keys = [AESGCM(key) for key in keys]

    @staticmethod
    def parse(text: str) -> "Sealer":
        """From a setting: base64 of 32 bytes, several separated by commas. Raises NotAKey."""
        return Sealer(*(_decoded(part.strip()) for part in text.split(",")))

    def seal(self, secret: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._keys[0].encrypt(nonce, secret, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises Unopenable."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._keys:
            try:
                return key.decrypt(nonce, rest, context)
            except (InvalidTag, ValueError):
                continue
        raise Unopenable(f"{len(sealed)} bytes open under none of {len(self._keys)} keys")


def new_key() -> str:
    """For the setting."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NotAKey("it is no base64") from error
    if len(key) != KEY_BYTES:
        raise NotAKey(f"a key is {KEY_BYTES} bytes in base64, this one {len(key)}")
    return key
