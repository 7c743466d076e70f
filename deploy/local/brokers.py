"""The brokers of a run: one alone, or three that hold everything three times and go on when one of them is away.

How many there are is settled when a directory is first used: a log of one broker is none of three.
"""

from collections.abc import Sequence
from pathlib import Path

from deploy.local.kafka import Kafka, Node, new_cluster_id
from deploy.local.logs import log_file
from deploy.local.problem import CannotRun

COUNTS = (1, 3)
IDENTITY_FILE = "kafka.id"


def brokers(directory: Path, logs: Path, ports: Sequence[int], inherit: tuple[int, ...]) -> list[Kafka]:
    """With two of the `ports` each. Raises CannotRun where another number of them has been."""
    cluster = tuple(
        Node(number, port, controller)
        for number, (port, controller) in enumerate(zip(ports[::2], ports[1::2], strict=True), 1)
    )
    names = broker_directories(len(cluster))
    for other in COUNTS:
        if other != len(cluster) and any((directory / name).exists() for name in broker_directories(other)):
            raise CannotRun(f"{directory} holds the log of {other} Kafka broker(s): set OUTCRY_BROKERS={other}.")
    identity = _identity(directory)
    return [
        Kafka(directory / name, log_file(logs, name), node, cluster, identity, inherit)
        for name, node in zip(names, cluster, strict=True)
    ]


def broker_directories(count: int) -> list[str]:
    """Below the directory of a run."""
    return ["kafka"] if count == 1 else [f"kafka-{number}" for number in range(1, count + 1)]


def _identity(directory: Path) -> str:
    """What all brokers of a cluster are formatted with: made once."""
    file = directory / IDENTITY_FILE
    try:
        with file.open("x", encoding="ascii") as made:
            made.write(new_cluster_id())
    except FileExistsError:
        pass
    return file.read_text(encoding="ascii")
