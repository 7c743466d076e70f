"""Plain integers become what Prometheus expects."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from libs.service.metrics import Metrics


def _exposed(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_counters_and_gauges_with_labels() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.counter("orders_rejected_total", "Rejected", reason="stale").add(2)
    metrics.counter("orders_rejected_total", "Rejected", reason="post_only").value += 1
    metrics.gauge("consumer_lag", "Lag", read=lambda: 7.0, partition="3")
    assert _exposed(registry) == [
        'orders_rejected_total{reason="stale"} 2.0',
        'orders_rejected_total{reason="post_only"} 1.0',
        'consumer_lag{partition="3"} 7.0',
    ]


def test_the_same_name_and_labels_are_the_same_metric() -> None:
    metrics = Metrics(CollectorRegistry())
    assert metrics.counter("a_total", "A", b="1") is metrics.counter("a_total", "A", b="1")
    assert metrics.counter("a_total", "A", b="1") is not metrics.counter("a_total", "A", b="2")


def test_a_bound_belongs_to_its_bucket() -> None:
    registry = CollectorRegistry()
    histogram = Metrics(registry).histogram("transaction_seconds", "Commit", buckets=(0.1, 1.0))
    for value in (0.1, 0.5, 5.0):
        histogram.observe(value)
    histogram.observe(0.5, times=2)
    assert _exposed(registry) == [
        'transaction_seconds_bucket{le="0.1"} 1.0',
        'transaction_seconds_bucket{le="1.0"} 4.0',
        'transaction_seconds_bucket{le="+Inf"} 5.0',
        "transaction_seconds_count 5.0",
        "transaction_seconds_sum 6.6",
    ]


def test_what_is_gone_is_forgotten() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.gauge("consumer_lag", "Lag", partition="3").set(4)
    metrics.forget("consumer_lag", partition="3")
    metrics.forget("nothing", partition="3")
    assert _exposed(registry) == []
