"""Signed requests in the shape of Coinbase Exchange, so that its clients work unchanged.

`CB-ACCESS-SIGN` is the base64 of HMAC-SHA256 over timestamp + method + path with query + body, under the base64-decoded
secret; `CB-ACCESS-TIMESTAMP` is seconds since the epoch, a fraction allowed. What is not signed is not done: the body
is compared byte for byte with what was signed.
"""

import base64
import hmac
import re
from typing import Final, NamedTuple

from libs.access.keyring import KeyRing
from libs.access.keys import ApiKey
from libs.service import problems
from libs.service.clock import Clock
from libs.service.problems import Problem

KEY: Final = b"cb-access-key"
SIGN: Final = b"cb-access-sign"
TIMESTAMP: Final = b"cb-access-timestamp"
PASSPHRASE: Final = b"cb-access-passphrase"
_HEADERS: Final = (KEY, SIGN, TIMESTAMP, PASSPHRASE)
_TIMESTAMP_FORM: Final = re.compile(rb"(\d{1,11})(?:\.(\d{1,9})\d{0,20})?")
_SUBSCRIPTION: Final = ("GET", b"/users/self/verify")
"""What a subscription signs instead of a path of its own."""


class Signed(NamedTuple):
    """The four headers of a signed request."""

    key: bytes
    signature: bytes
    timestamp: bytes
    passphrase: bytes


def signed(headers: dict[bytes, bytes]) -> Signed | None:
    """None when the request carries none of the four. Raises Problem when it carries some only."""
    values = [headers.get(name) for name in _HEADERS]
    if not any(values):
        return None
    for name, value in zip(_HEADERS, values, strict=True):
        if not value:
            raise Problem(problems.INCOMPLETE_CREDENTIALS, field=name.decode().upper())
    return Signed(*(value or b"" for value in values))


def signature(secret: bytes, timestamp: bytes, method: str, target: bytes, body: bytes) -> bytes:
    """What `CB-ACCESS-SIGN` must be. `target` is path and query as they stand in the request line."""
    message = b"".join((timestamp, method.encode(), target, body))
    return base64.b64encode(hmac.digest(secret, message, "sha256"))


class Signatures:
    """Checks signed requests against the keys this process knows."""

    def __init__(self, ring: KeyRing, clock: Clock, window_ns: int) -> None:
        self.ring = ring
        self._clock = clock
        self._window = window_ns

    def known(self, given: Signed) -> ApiKey:
        """What can be said before the body has come. Raises Problem."""
        if not self.ring.loaded:
            raise Problem(problems.NOT_READY, "the API keys are not read yet; the request was not taken")
        now = self._clock.now()
        if abs(now - _nanoseconds(given.timestamp)) > self._window:
            detail = f"the clock here says {now // 10**9}; {self._window // 10**9} s either way are allowed"
            raise Problem(problems.TIMESTAMP_EXPIRED, detail, "CB-ACCESS-TIMESTAMP")
        key = self.ring.find(given.key.decode("ascii", "replace"))
        if key is None or 0 < key.expires <= now:
            raise Problem(problems.INVALID_API_KEY, field="CB-ACCESS-KEY")
        return key

    def check(self, given: Signed, method: str, target: bytes, body: bytes) -> ApiKey:
        """The key, once everything fits: a key revoked while the body came is refused too. Raises Problem."""
        key = self.known(given)
        wanted = signature(key.secret, given.timestamp, method, target, body)
        if not hmac.compare_digest(wanted, given.signature):
            raise Problem(problems.INVALID_SIGNATURE, field="CB-ACCESS-SIGN")
        if not hmac.compare_digest(key.passphrase, given.passphrase):
            raise Problem(problems.INVALID_PASSPHRASE, field="CB-ACCESS-PASSPHRASE")
        return key

    def check_subscription(self, given: Signed) -> ApiKey:
        """Of a socket's message, which carries the four values in its body and signs a fixed request."""
        return self.check(given, *_SUBSCRIPTION, b"")


def _nanoseconds(timestamp: bytes) -> int:
    form = _TIMESTAMP_FORM.fullmatch(timestamp)
    if form is None:
        detail = "it is seconds since the epoch, such as 1700000000 or 1700000000.25"
        raise Problem(problems.INVALID_TIMESTAMP, detail, "CB-ACCESS-TIMESTAMP")
    return int(form[1]) * 10**9 + int((form[2] or b"0").ljust(9, b"0"))
