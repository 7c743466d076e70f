"""Keys of accounts, and subscriptions that are signed with them."""

import base64
from typing import NamedTuple

import structlog

from libs.access.keyring import KeyRing
from libs.access.keys import Shown, encode_key, new_key
from libs.access.scopes import Scope
from libs.access.sealing import Sealer
from libs.access.sealing import new_key as new_sealing
from libs.access.signatures import Signatures, signature
from libs.service.clock import NANOSECONDS, VirtualClock
from tests.unit.read_model.traffic import START

WINDOW_S = 30


class Keys(NamedTuple):
    signatures: Signatures
    ring: KeyRing
    sealer: Sealer
    clock: VirtualClock

    def new(self, account: str, *scopes: Scope, expires: int = 0) -> Shown:
        record, shown = new_key(self.sealer, account, scopes or (Scope.VIEW,), created=START, expires=expires)
        self.ring.take(record.id, encode_key(record))
        return shown

    def signed(self, shown: Shown, *, late_s: int = 0, path: bytes = b"/users/self/verify") -> dict[str, object]:
        """The four values of a subscription."""
        timestamp = self.clock.now() // NANOSECONDS - late_s
        made = signature(base64.b64decode(shown.secret), b"%d" % timestamp, "GET", path, b"")
        return {"key": shown.id, "signature": made.decode(), "timestamp": timestamp, "passphrase": shown.passphrase}


def keys() -> Keys:
    clock, sealer = VirtualClock(START), Sealer.parse(new_sealing())
    ring = KeyRing(sealer, structlog.get_logger())
    ring.loaded = True
    return Keys(Signatures(ring, clock, WINDOW_S * NANOSECONDS), ring, sealer, clock)
