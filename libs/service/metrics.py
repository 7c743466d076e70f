"""Metrics for Prometheus that cost a hot path one integer addition.

Hot paths add to plain attributes; everything is put into Prometheus form only when `/metrics` is asked for.
A label set is bound when the metric is made, never on the hot path. Not thread safe: one event loop counts and reports.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

Labels: TypeAlias = tuple[tuple[str, str], ...]


class Counter:
    """Only grows. A name ends in `_total`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int = 1) -> None:
        self.value += amount


class Gauge:
    """A present value: set, or read when it is asked for."""

    __slots__ = ("read", "value")

    def __init__(self, read: Callable[[], float] | None = None) -> None:
        self.value: float = 0
        self.read = read

    def set(self, value: float) -> None:
        self.value = value

    def current(self) -> float:
        return self.value if self.read is None else self.read()


class Histogram:
    """Observations by upper bound, in seconds unless the name says otherwise."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        running, cumulative = 0, []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            running += count
            cumulative.append((bound, float(running)))
        return cumulative


M = TypeVar("M", Counter, Gauge, Histogram)


class _Family(Generic[M]):
    """The members of one name, by labels."""

    def __init__(self, help_text: str) -> None:
        self.help = help_text
        self.members: dict[Labels, M] = {}

    def member(self, labels: dict[str, str], make: Callable[[], M]) -> M:
        key = _key(labels)
        if key not in self.members:
            self.members[key] = make()
        return self.members[key]

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in next(iter(self.members), ())]

    def rows(self) -> Iterable[tuple[list[str], M]]:
        return (([value for _, value in labels], member) for labels, member in self.members.items())


class Metrics(Collector):
    """All metrics of one process. Asking again for the same name and labels gives the same object."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters: dict[str, _Family[Counter]] = {}
        self._gauges: dict[str, _Family[Gauge]] = {}
        self._histograms: dict[str, _Family[Histogram]] = {}
        registry.register(self)

    def counter(self, name: str, help_text: str, **labels: str) -> Counter:
        return self._counters.setdefault(name, _Family(help_text)).member(labels, Counter)

    def gauge(self, name: str, help_text: str, read: Callable[[], float] | None = None, **labels: str) -> Gauge:
        return self._gauges.setdefault(name, _Family(help_text)).member(labels, lambda: Gauge(read))

    def histogram(
        self, name: str, help_text: str, buckets: Sequence[float] = LATENCY_BUCKETS, **labels: str
    ) -> Histogram:
        family = self._histograms.setdefault(name, _Family(help_text))
        return family.member(labels, lambda: Histogram(buckets))

    def forget(self, name: str, **labels: str) -> None:
        """Take one label set away: a partition that was lost, a product that is gone."""
        for families in (self._counters, self._gauges, self._histograms):
            family = families.get(name)
            if family is not None:
                family.members.pop(_key(labels), None)

    def collect(self) -> Iterable[Metric]:
        for name, counters in self._counters.items():
            counted = CounterMetricFamily(name, counters.help, labels=counters.labels)
            for values, counter in counters.rows():
                counted.add_metric(values, counter.value)
            yield counted
        for name, gauges in self._gauges.items():
            measured = GaugeMetricFamily(name, gauges.help, labels=gauges.labels)
            for values, gauge in gauges.rows():
                measured.add_metric(values, gauge.current())
            yield measured
        for name, histograms in self._histograms.items():
            observed = HistogramMetricFamily(name, histograms.help, labels=histograms.labels)
            for values, histogram in histograms.rows():
                observed.add_metric(values, histogram.buckets(), histogram.total)
            yield observed

    def describe(self) -> Iterable[Metric]:
        return ()


def _key(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))
