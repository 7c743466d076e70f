"""The limits of one process, and how clients are told of them: `RateLimit`, `RateLimit-Policy`, `Retry-After`.

The fields are those of draft-ietf-httpapi-ratelimit-headers-11; a bucket of burst b filled by r a second is told as a quota
of b in the b / r seconds that fill it.
"""

from libs.access.limiter import Limiter, Standing
from libs.service.http import Header, Message, Send
from libs.service.problems import RATE_LIMITED, Problem

_FIELD = b"ratelimit"
_POLICY = b"ratelimit-policy"


class Ledger:
    """What one request was charged, for its answer."""

    __slots__ = ("_policy", "_told")

    def __init__(self, policy: bytes) -> None:
        self._policy = policy
        self._told = ""

    def add(self, kind: str, standing: Standing) -> None:
        item = f'"{kind}";r={standing.remaining};t={standing.reset_s}'
        self._told = f"{self._told}, {item}" if self._told else item

    def headers(self) -> tuple[Header, ...]:
        return ((_POLICY, self._policy), (_FIELD, self._told.encode())) if self._told else ()

    def telling(self, send: Send) -> Send:
        """`send`, with the fields on the answer."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers()]
            await send(message)

        return told


class Limits:
    """Of addresses and of credentials; None where there is no limit."""

    def __init__(self, address: Limiter | None, key: Limiter | None) -> None:
        self._address = address
        self._key = key
        self._policy = b", ".join(_policy(each) for each in (address, key) if each is not None)

    def ledger(self) -> Ledger:
        return Ledger(self._policy)

    async def charge_address(self, name: str, ledger: Ledger) -> None:
        """Raises Problem when it came too often."""
        if self._address is not None:
            found = self._address.at_once(name) or await self._address.take(name)
            _settle(self._address, found, ledger)

    async def charge_key(self, name: str, ledger: Ledger) -> None:
        if self._key is not None:
            found = self._key.at_once(name) or await self._key.take(name)
            _settle(self._key, found, ledger)


def _settle(limiter: Limiter, standing: Standing, ledger: Ledger) -> None:
    ledger.add(limiter.kind, standing)
    if not standing.allowed:
        rate = limiter.rate
        detail = f"{rate.per_s} requests a second, {rate.burst} at once, is the limit of this {limiter.kind}"
        raise Problem(RATE_LIMITED, detail, retry_after_s=standing.reset_s)


def _policy(limiter: Limiter) -> bytes:
    window = -(-limiter.rate.burst // limiter.rate.per_s)
    return b'"%b";q=%d;w=%d' % (limiter.kind.encode(), limiter.rate.burst, window)
