"""Bearer tokens: JWTs signed by RS256 or EdDSA, for one issuer and one audience, that say whose they are and for what.

The algorithm is the key's, never the token's choice. A token that was checked is remembered until it ends or the keys
change, so a trader's second request costs a look-up instead of a signature.
"""

import hashlib
from typing import Final, NamedTuple

import jwt
import msgspec

from libs.access.caller import is_account
from libs.access.jwks import KeySet
from libs.access.scopes import Scopes, scopes_of
from libs.service.clock import NANOSECONDS, Clock
from libs.service.problems import INVALID_TOKEN, Problem

AUTHORIZATION: Final = b"authorization"
_BEARER: Final = b"bearer "
_OURS_TO_CHECK: Final = jwt.types.Options(
    require=["exp", "sub", "iss", "aud"],
    verify_exp=False,  # times are compared with the process's clock, below
    verify_nbf=False,
    verify_iat=False,
    enforce_minimum_key_length=True,
)


class Bearer(NamedTuple):
    """What a token proves. `expires` in seconds since the epoch."""

    account: str
    scopes: Scopes
    expires: float


class _Claims(msgspec.Struct):
    sub: str
    exp: float
    nbf: float = 0.0
    scope: str | list[str] = ""
    """RFC 8693: separated by spaces."""
    scp: str | list[str] = ""
    """What some issuers call it."""


class Expectations(NamedTuple):
    issuer: str
    audience: str
    leeway_s: float
    bytes: int
    remembered: int


def bearer(headers: dict[bytes, bytes]) -> bytes | None:
    """The token of a request; None where it has none."""
    value = headers.get(AUTHORIZATION)
    if value is None or value[: len(_BEARER)].lower() != _BEARER:
        return None
    return value[len(_BEARER) :].strip()


class Tokens:
    """Checks tokens against the keys of their issuer."""

    def __init__(self, keys: KeySet, clock: Clock, expected: Expectations) -> None:
        self.keys = keys
        self._clock = clock
        self._expected = expected
        self._known: dict[bytes, Bearer] = {}
        self._generation = 0

    def __len__(self) -> int:
        """Tokens that are remembered."""
        return len(self._known)

    async def check(self, token: bytes) -> Bearer:
        """Raises Problem."""
        if len(token) > self._expected.bytes:
            raise Problem(INVALID_TOKEN, f"a token is {self._expected.bytes} bytes at most")
        if self._generation != self.keys.generation:
            self._known.clear()
            self._generation = self.keys.generation
        digest = hashlib.sha256(token).digest()
        found = self._known.get(digest)
        if found is None:
            found = await self._verified(token)
            self._remember(digest, found)
        if found.expires + self._expected.leeway_s <= self._now():
            raise Problem(INVALID_TOKEN, "the token's time is over")
        return found

    async def _verified(self, token: bytes) -> Bearer:
        try:
            header = jwt.get_unverified_header(token)
            key = await self.keys.find(header.get("kid"))
            if key is None:
                raise Problem(INVALID_TOKEN, "no key of the issuer has the token's `kid`")
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                options=_OURS_TO_CHECK,
                issuer=self._expected.issuer,
                audience=self._expected.audience,
            )
            return self._said(msgspec.convert(claims, _Claims, strict=True))
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError) as error:
            raise Problem(INVALID_TOKEN, str(error)) from None

    def _said(self, claims: _Claims) -> Bearer:
        if claims.nbf - self._expected.leeway_s > self._now():
            raise Problem(INVALID_TOKEN, "the token's time has not come")
        if not is_account(claims.sub):
            raise Problem(INVALID_TOKEN, "`sub` is no account name")
        return Bearer(claims.sub, scopes_of([*_words(claims.scope), *_words(claims.scp)]), claims.exp)

    def _remember(self, digest: bytes, found: Bearer) -> None:
        while len(self._known) >= self._expected.remembered:
            del self._known[next(iter(self._known))]
        self._known[digest] = found

    def _now(self) -> float:
        return self._clock.now() / NANOSECONDS


def _words(given: str | list[str]) -> list[str]:
    return given.split() if isinstance(given, str) else given
