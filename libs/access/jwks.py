"""The public keys of who issues tokens: a JWK set from a file or an address, read again at intervals and when a token
names a key that is not in it, though not more often than a flood of such tokens may make us.

While the set cannot be read the one before stays in force.
"""

import asyncio
from pathlib import Path
from typing import Final

import jwt

from libs.service.clock import Clock
from libs.service.health import Health
from libs.service.logging import Log as Logger
from libs.service.problems import NOT_READY, Problem
from libs.service.waiting import until_set

ALGORITHMS: Final = frozenset(("RS256", "EdDSA"))
_ASPECT: Final = "token keys"
_FIRST_RETRY_S: Final = 1.0


class KeySet:
    """`where` is a path, or an address of `https` (or of `http` on this machine)."""

    def __init__(
        self,
        where: str,
        clock: Clock,
        health: Health,
        logger: Logger,
        *,
        refresh_s: float,
        pause_s: float,
        timeout_s: float,
    ) -> None:
        self.generation = 0
        """Grows whenever the keys have changed."""
        self._where = where
        self._clock = clock
        self._health = health
        self._logger = logger
        self._refresh_s = refresh_s
        self._pause_ns = int(pause_s * 10**9)
        self._timeout_s = timeout_s
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at = 0
        self._reading: asyncio.Task[None] | None = None
        health.ready(False, "the issuer's keys are not read yet", aspect=_ASPECT)

    async def find(self, kid: object) -> jwt.PyJWK | None:
        """The key of that id. Raises Problem before the first set was read."""
        found = self._present(kid)
        if found is None and self._clock.now() - self._read_at >= self._pause_ns:
            await self._read_again()
            found = self._present(kid)
        if found is None and not self.generation:
            raise Problem(NOT_READY, "the issuer's keys are not read yet; the request was not taken")
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Read now, and again at intervals, until told to stop."""
        while not stop.is_set():
            await self._read_again()
            await until_set(stop, self._refresh_s if self.generation else _FIRST_RETRY_S)

    def _present(self, kid: object) -> jwt.PyJWK | None:
        """A token need not name its key where there is only one."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid) if isinstance(kid, str) else None

    async def _read_again(self) -> None:
        """Whoever asks while it is being read waits for the same answer."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        try:
            found = await asyncio.to_thread(_load, self._where, self._timeout_s)
        except (OSError, ValueError, jwt.PyJWTError) as error:
            self._logger.warning("token keys unavailable", where=self._where, detail=f"{type(error).__name__}: {error}")
        else:
            self._take(found)
        finally:
            self._read_at = self._clock.now()
            self._reading = None

    def _take(self, found: jwt.PyJWKSet) -> None:
        usable = {
            key.key_id: key
            for key in found.keys
            if key.algorithm_name in ALGORITHMS and key.public_key_use in {None, "sig"}
        }
        if not self.generation or usable.keys() != self._keys.keys() or _differ(usable, self._keys):
            self.generation += 1
            self._logger.info("token keys read", where=self._where, keys=sorted(str(kid) for kid in usable))
        self._keys = usable
        self._health.ready(True, aspect=_ASPECT)


def _differ(left: dict[str | None, jwt.PyJWK], right: dict[str | None, jwt.PyJWK]) -> bool:
    return any(left[kid].key != right[kid].key for kid in left)


def _load(where: str, timeout_s: float) -> jwt.PyJWKSet:
    """Blocks: for a thread."""
    if is_address(where):
        return jwt.PyJWKSet.from_dict(jwt.PyJWKClient(where, cache_jwk_set=False, timeout=timeout_s).fetch_data())
    return jwt.PyJWKSet.from_json(Path(where).read_text(encoding="utf-8"))


def is_address(where: str) -> bool:
    return where.startswith(("https://", "http://"))
