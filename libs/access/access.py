"""Everything an API process needs to know who asks, put together: made once, run beside its other loops."""

import asyncio
from typing import Final, TypeVar

from libs.access.gate import BodyLimit, Gate, Needs
from libs.access.keyring import KeyFollower, KeyRing
from libs.access.sealing import Sealer
from libs.access.settings import AccessSettings
from libs.access.signatures import Signatures
from libs.kafka.ports import Log
from libs.service.http import App
from libs.service.process import Process

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

    def gate(self, app: App, needs: Needs, body_limit: BodyLimit) -> App:
        """What the server is given instead of `app`."""
        return Gate(app, needs, body_limit, self.signatures, self._metrics, required=self._required)

    async def run(self, stop: asyncio.Event) -> None:
        """Know the keys, until told to stop. Raises what ends the process."""
        if self._follower is not None:
            await self._follower.run(stop)
