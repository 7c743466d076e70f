"""Everything an API process needs to know who asks, put together: made once, run beside its other loops."""

import asyncio
from typing import Final, TypeVar

from libs.access.addresses import ClientAddresses
from libs.access.buckets import Buckets, Rate
from libs.access.gate import BodyLimit, Checks, Gate, Needs
from libs.access.jwks import KeySet
from libs.access.keyring import KeyFollower, KeyRing
from libs.access.limiter import Limiter
from libs.access.limits import Limits
from libs.access.redis_buckets import RedisBuckets
from libs.access.sealing import Sealer
from libs.access.settings import AccessSettings
from libs.access.signatures import Signatures
from libs.access.tokens import Expectations, Tokens
from libs.kafka.ports import Log
from libs.service.http import App
from libs.service.process import Process
from libs.service.shared_script import CallLimits

A = TypeVar("A", bound=AccessSettings)
_MS: Final = 1_000_000


class Access:
    """Of one process. Without a key to the secrets there are no API keys, and nothing to follow."""

    def __init__(self, process: Process[A], log: Log) -> None:
        settings = process.settings
        self._metrics = process.metrics
        self._required = settings.auth == "required"
        self.signatures: Signatures | None = None
        """None without keys."""
        self._follower: KeyFollower | None = None
        if settings.secrets_key:
            ring = KeyRing(Sealer.parse(settings.secrets_key), process.log)
            self.signatures = Signatures(ring, process.clock, settings.signature_window_ms * _MS)
            self._follower = KeyFollower(
                log, ring, process.health, process.log, settings.keys_poll_ms / 1000, settings.keys_retry_ms / 1000
            )
            process.metrics.gauge("api_keys", "API keys that can be used", lambda: float(len(ring)))

        self.tokens = _tokens(process) if settings.jwks else None
        """None without an issuer."""
        self._addresses = ClientAddresses(ClientAddresses.networks(settings.trusted_proxies))
        self.buckets = _buckets(process) if settings.limit_key_per_s or settings.limit_address_per_s else None
        """None without limits."""
        self.limits = None if self.buckets is None else _limits(process, self.buckets)

    def gate(self, app: App, needs: Needs, body_limit: BodyLimit) -> App:
        """What the server is given instead of `app`."""
        checks = Checks(self.signatures, self.tokens, self.limits, self._addresses, self._required)
        return Gate(app, needs, body_limit, checks, self._metrics)

    async def run(self, stop: asyncio.Event) -> None:
        """Know the keys, until told to stop. Raises what ends the process."""
        try:
            async with asyncio.TaskGroup() as group:
                if self._follower is not None:
                    group.create_task(self._follower.run(stop))
                if self.tokens is not None:
                    group.create_task(self.tokens.keys.run(stop))
                if self.buckets is not None:
                    group.create_task(stop.wait())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            if self.buckets is not None:
                await self.buckets.close()


def _tokens(process: Process[A]) -> Tokens:
    settings = process.settings
    keys = KeySet(
        settings.jwks,
        process.clock,
        process.health,
        process.log,
        refresh_s=settings.jwks_refresh_ms / 1000,
        pause_s=settings.jwks_pause_ms / 1000,
        timeout_s=settings.jwks_timeout_ms / 1000,
    )
    expected = Expectations(
        settings.jwt_issuer,
        settings.jwt_audience,
        settings.jwt_leeway_ms / 1000,
        settings.jwt_bytes,
        settings.jwt_remembered,
    )
    return Tokens(keys, process.clock, expected)


def _buckets(process: Process[A]) -> RedisBuckets:
    settings = process.settings
    limits = CallLimits(settings.limit_timeout_ms / 1000, settings.limit_pause_ms / 1000, settings.limit_wishes)
    found = RedisBuckets(settings.redis, process.log, limits)
    process.health.check("rate limits", found.ping, critical=False)
    return found


def _limits(process: Process[A], buckets: Buckets) -> Limits:
    settings = process.settings

    def limiter(kind: str, per_s: int, burst: int) -> Limiter | None:
        if not per_s:
            return None
        return Limiter(
            kind,
            Rate(per_s, burst or per_s),
            buckets,
            process.clock,
            prefix=settings.cluster,
            lease_ns=settings.limit_lease_ms * _MS,
            most=settings.limit_names,
        )

    return Limits(
        limiter("address", settings.limit_address_per_s, settings.limit_address_burst),
        limiter("key", settings.limit_key_per_s, settings.limit_key_burst),
    )
