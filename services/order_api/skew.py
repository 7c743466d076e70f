"""The log's clock rules. A process whose own clock is off says so, before the engine refuses its commands."""

from collections.abc import Sequence

from libs.kafka.ports import Ack
from libs.service.clock import Clock
from libs.service.health import Health
from libs.service.logging import Log as Logger

_ASPECT = "clock"


class SkewGuard:
    """Compares the append time of each acknowledgement with the time it arrives here, which is just after."""

    def __init__(self, clock: Clock, health: Health, logger: Logger, limit_ms: int) -> None:
        self._clock = clock
        self._health = health
        self._logger = logger
        self._limit_ms = limit_ms
        self._skewed = False
        self.skew_ms = 0

    def compare(self, acks: Sequence[Ack]) -> None:
        self.skew_ms = self._clock.now() // 1_000_000 - acks[-1].timestamp
        skewed = abs(self.skew_ms) > self._limit_ms
        if skewed == self._skewed:
            return
        self._skewed = skewed
        reason = f"this clock is {self.skew_ms} ms ahead of the log's"
        self._health.ready(not skewed, reason, aspect=_ASPECT)
        if skewed:
            self._logger.error("clock skew", skew_ms=self.skew_ms, limit_ms=self._limit_ms)
        else:
            self._logger.info("clock skew is over", skew_ms=self.skew_ms)
