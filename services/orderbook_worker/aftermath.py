"""What is said of commands that failed, once the log has what became of them."""

from collections.abc import Callable

from libs.book.partition import PartitionState
from libs.events import ids
from libs.events.events import AnyEvent, CommandDeadLettered, CommandDeferred, TradingStatusChanged
from libs.events.values import FailureCause
from libs.service.logging import Log as Logger
from libs.service.metrics import Metrics
from services.orderbook_worker.deciding import Decided
from services.orderbook_worker.forwarder import Forwarder


class Aftermath:
    """Of one owned partition; `forget` takes its labels away when it is lost."""

    def __init__(
        self,
        partition: int,
        metrics: Metrics,
        logger: Logger,
        state: Callable[[], PartitionState],
        forwarder: Forwarder,
    ) -> None:
        self._partition = partition
        self._metrics = metrics
        self._logger = logger
        self._forwarder = forwarder
        metrics.gauge(
            "dead_letters_open",
            "Dead letters that were neither replayed nor discarded.",
            lambda: len(state().dead_letters),
            partition=str(partition),
        )
        metrics.gauge(
            "commands_parked", "Commands that wait to come back.", lambda: len(state().parked), partition=str(partition)
        )
        for cause in FailureCause:
            self._deferred(cause)

    def committed(self, decided: Decided) -> None:
        for event in decided.set_aside:
            self._say(event)
        self._forwarder.committed()

    def forget(self) -> None:
        for name in ("dead_letters_open", "commands_parked"):
            self._metrics.forget(name, partition=str(self._partition))

    def _deferred(self, cause: FailureCause, times: int = 0) -> None:
        name = cause.name.lower()
        self._metrics.counter("commands_deferred_total", "Commands put off, by why.", cause=name).add(times)

    def _say(self, event: AnyEvent) -> None:
        about = {
            "partition": self._partition,
            "offset": event.command_offset,
            "command_id": ids.text(event.command_id),
            "product_number": event.number,
        }
        if isinstance(event, CommandDeferred):
            self._deferred(event.cause, 1)
            self._forwarder.deferred(event.tier)
            cause = event.cause.name.lower()
            self._logger.info("command deferred", **about, cause=cause, attempt=event.attempt, tier=event.tier)
        elif isinstance(event, CommandDeadLettered):
            cause = event.cause.name.lower()
            self._logger.warning("dead letter", **about, cause=cause, failures=event.failures)
        elif isinstance(event, TradingStatusChanged):
            self._logger.error(
                "product halted after faults",
                **about,
                product_id=event.product.product_id,
                detail="resume it by its status",
            )
