"""What a partition counts, a batch at a time."""

from collections import Counter
from collections.abc import Callable, Sequence

from libs.book.ladder import Ladder
from libs.book.partition import PartitionState
from libs.events.decimals import to_text
from libs.events.events import (
    REJECTIONS,
    AnyEvent,
    OrderDone,
    TradeExecuted,
)
from libs.service.clock import Clock
from libs.service.metrics import Metrics

_NANOSECONDS = 1_000_000_000


class LaneMetrics:
    """The metrics of one owned partition; `forget` takes its labels away when it is lost."""

    def __init__(self, metrics: Metrics, clock: Clock, partition: int, state: Callable[[], PartitionState]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._state = state
        self._partition = str(partition)
        self._matched = metrics.counter("orders_matched_total", "Commands decided and committed.")
        self._trades = metrics.counter("trades_total", "Trades committed.")
        self._filled = metrics.counter("orders_done_total", "Orders that ended.")
        self._transactions = metrics.histogram("transaction_seconds", "From the first record to the end of a commit.")
        self._latency = metrics.histogram(
            "order_latency_seconds", "From order_api's own time to the stage.", stage="committed"
        )
        self._gauges: set[tuple[str, str]] = set()

    def committed(self, events: Sequence[AnyEvent], seconds: float) -> None:
        kinds = Counter(map(type, events))
        self._transactions.observe(seconds)
        self._trades.add(kinds[TradeExecuted])
        self._filled.add(kinds[OrderDone])
        self._count_commands(events)
        if any(kinds[kind] for kind in REJECTIONS):
            self._count_rejections(events)
        if kinds[TradeExecuted]:
            self._add_volume(events)
        self._watch_depth()

    def forget(self) -> None:
        for product_id, side in self._gauges:
            self._metrics.forget("current_orderbook_depth", product=product_id, side=side)

    def _count_commands(self, events: Sequence[AnyEvent]) -> None:
        """Latency is that of the oldest command of the batch: its worst."""
        self._matched.add(sum(event.last for event in events))
        if events[0].sent:
            self._latency.observe((self._clock.now() - events[0].sent) / _NANOSECONDS)

    def _count_rejections(self, events: Sequence[AnyEvent]) -> None:
        reasons = Counter(event.reason.name.lower() for event in events if isinstance(event, REJECTIONS))
        for reason, times in reasons.items():
            self._metrics.counter("orders_rejected_total", "Commands rejected.", reason=reason).add(times)

    def _add_volume(self, events: Sequence[AnyEvent]) -> None:
        sizes: Counter[int] = Counter()
        for event in events:
            if type(event) is TradeExecuted:
                sizes[event.number] += event.size
        for number, size in sizes.items():
            book = self._state().products.get(number)
            if book is not None:
                product = book.product
                volume = self._metrics.counter(
                    "trade_volume_total",
                    f"Base traded, in units of the product's size scale (1 is {to_text(1, product.size_scale)}).",
                    product=product.product_id,
                )
                volume.add(size)

    def _watch_depth(self) -> None:
        for book in self._state().products.values():
            name = book.product.product_id
            if (name, "buy") not in self._gauges:
                self._watch(name, "buy", book.bids)
                self._watch(name, "sell", book.asks)

    def _watch(self, name: str, side: str, ladder: Ladder) -> None:
        self._gauges.add((name, side))
        self._metrics.gauge(
            "current_orderbook_depth", "Price levels of a side.", lambda: len(ladder.keys), product=name, side=side
        )
