"""The watchdog ends what never returns, and nothing else."""

from io import StringIO

from libs.service.logging import configure
from services.orderbook_worker.watchdog import AtWork, Watchdog

LOOKS = 5


class Partition:
    partition = 3

    def __init__(self) -> None:
        self.next_command = 8


class Watched:
    """A watchdog whose bite is noted, and whose looks are the test's."""

    def __init__(self) -> None:
        self.bitten: list[AtWork] = []
        self.said = StringIO()
        self.watchdog = Watchdog(LOOKS, 1, configure("test", "1", "error", self.said), self.bitten.append)

    def looks(self, times: int) -> bool:
        return any(self.watchdog.look() for _ in range(times))


def test_a_decision_that_never_returns_is_named() -> None:
    watched = Watched()
    watched.watchdog.begin(Partition())
    assert not watched.looks(LOOKS)
    assert watched.looks(1)
    assert [at[:2] for at in watched.bitten] == [(3, 7)]
    assert '"command never ends"' in watched.said.getvalue()
    assert '"offset":7' in watched.said.getvalue()


def test_a_partition_that_goes_on_is_left_alone() -> None:
    watched, partition = Watched(), Partition()
    watched.watchdog.begin(partition)
    for _ in range(3 * LOOKS):
        partition.next_command += 1
        assert not watched.looks(LOOKS)
    watched.watchdog.end()
    assert not watched.looks(3 * LOOKS)


def test_a_command_that_is_decided_again_and_again_is_another_matter() -> None:
    watched, partition = Watched(), Partition()
    for _ in range(3 * LOOKS):
        watched.watchdog.begin(partition)
        assert not watched.looks(LOOKS)
