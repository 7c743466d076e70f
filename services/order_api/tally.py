"""What order_api counts: plain integers, put into Prometheus form when somebody asks."""

from collections.abc import Callable

from libs.service.metrics import Histogram, Metrics

_REPEATS = "Requests that came again, by what became of them"


class Tally:
    """One object a process; its members are added to on the hot path."""

    def __init__(self, metrics: Metrics, in_hand: Callable[[], float]) -> None:
        self._metrics = metrics
        self.received = metrics.counter("orders_received_total", "Commands that were acknowledged by the log")
        self.replays = metrics.counter("idempotency_hits_total", _REPEATS, outcome="replayed")
        self.mismatches = metrics.counter("idempotency_hits_total", _REPEATS, outcome="mismatch")
        self.in_flight = metrics.counter("idempotency_hits_total", _REPEATS, outcome="in_flight")
        self.abandoned = metrics.counter("idempotency_hits_total", _REPEATS, outcome="republished")
        self.unclaimed = metrics.counter("idempotency_skipped_total", "Commands accepted while Redis was away")
        self.publishes = metrics.counter("publishes_total", "Publishes to the log; each carries a group of commands")
        self.failures = metrics.counter("publish_failures_total", "Publishes that failed, or whose outcome is unknown")
        self.acknowledged = metrics.histogram(
            "order_latency_seconds", "From a request's arrival to a stage", stage="acknowledged"
        )
        metrics.gauge("commands_in_hand", "Commands between validation and acknowledgement", in_hand)

    def requests(self, route: str, status_class: str) -> Histogram:
        return self._metrics.histogram(
            "http_request_seconds", "Time to answer a request", route=route, status=status_class
        )

    def problem(self, code: str) -> None:
        self._metrics.counter("problems_total", "Errors answered, by code", code=code).value += 1
