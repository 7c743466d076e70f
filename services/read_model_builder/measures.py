"""What the projector says of itself in numbers."""

from collections.abc import Sequence
from typing import Final

from libs.service.clock import NANOSECONDS
from libs.service.metrics import Gauge, Metrics
from services.read_model_builder.intake import Piece

_BATCH_BUCKETS: Final = (1, 4, 16, 64, 256, 1_000, 4_000, 10_000, 20_000, 50_000)


class Measures:
    def __init__(self, metrics: Metrics, cluster: str) -> None:
        self._metrics = metrics
        self._group = f"{cluster}-read-model-builder"
        self._delay = metrics.histogram(
            "projection_delay_seconds", "From the append of a batch's oldest command to the batch in Postgres"
        )
        self._queryable = metrics.histogram(
            "order_latency_seconds",
            "From order_api's receipt to a stage; one command a batch and partition is observed",
            stage="queryable",
        )
        self._batch = metrics.histogram("projection_batch_events", "Events a transaction", _BATCH_BUCKETS)
        self._transaction = metrics.histogram("transaction_seconds", "Begin to commit of a transaction in Postgres")
        self._events = metrics.counter("projection_events_total", "Events that are in Postgres")

    def committed(self, pieces: Sequence[Piece], now: int, seconds: float) -> None:
        """A transaction of these pieces is committed, at `now` ns, after `seconds`."""
        count = sum(len(piece.events) for piece in pieces)
        self._events.add(count)
        self._batch.observe(count)
        self._transaction.observe(seconds)
        oldest = min(piece.events[0].time for piece in pieces)
        self._delay.observe(max(0, now - oldest) / NANOSECONDS)
        for piece in pieces:
            if sent := piece.events[0].sent:
                self._queryable.observe(max(0, now - sent) / NANOSECONDS)

    def lag(self, partition: int) -> Gauge:
        return self._metrics.gauge(
            "consumer_lag",
            "Records of the log behind the position of a group",
            group=self._group,
            partition=str(partition),
        )
