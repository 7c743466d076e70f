"""The same three servers in containers, by testcontainers: for tests alone, where `OUTCRY_SERVERS=docker` asks for it.

It is asked for rather than found out, because the wheels start in three seconds and need no images.
"""

from contextlib import ExitStack
from types import TracebackType

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.endpoint import LOOPBACK
from deploy.local.kafka import BROKER_SETTINGS, replication
from deploy.local.ports import free_block
from deploy.local.postgres import DATABASE, SUPERUSER
from deploy.local.servers import Addresses, short_temporary_directory

KAFKA_IMAGE = "apache/kafka:4.1.1"
POSTGRES_IMAGE = "postgres:18"
VALKEY_IMAGE = "valkey/valkey:9"


class ContainerServers:
    """Started on entry, removed on exit."""

    def __init__(self) -> None:
        self._running = ExitStack()

    def __enter__(self) -> Addresses:
        with ExitStack() as starting:
            kafka = self._kafka(starting)
            postgres = self._postgres(starting)
            redis = self._valkey(starting)
            self._running = starting.pop_all()
        return Addresses(kafka, postgres, redis)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @staticmethod
    def _kafka(starting: ExitStack) -> str:
        # The address it tells its clients is fixed before it starts, so its port is chosen here.
        directory = short_temporary_directory()
        port = free_block(directory, 1)[0]
        directory.rmdir()
        settings = (
            BROKER_SETTINGS
            | replication(1)
            | {
                "node.id": "1",
                "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
                "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
                "controller.quorum.voters": "1@localhost:9093",
            }
        )
        container = DockerContainer(KAFKA_IMAGE).with_bind_ports("9092/tcp", port)
        for key, value in settings.items():
            container = container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
        starting.enter_context(container.waiting_for(LogMessageWaitStrategy("Kafka Server started")))
        return f"{LOOPBACK}:{port}"

    @staticmethod
    def _postgres(starting: ExitStack) -> str:
        container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
        container = container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust").with_env("POSTGRES_DB", DATABASE)
        ready = LogMessageWaitStrategy("ready to accept connections", times=2)  # once to itself
        started = starting.enter_context(container.waiting_for(ready))
        return f"postgresql://{SUPERUSER}@{started.get_container_host_ip()}:{started.get_exposed_port(5432)}/{DATABASE}"

    @staticmethod
    def _valkey(starting: ExitStack) -> str:
        container = DockerContainer(VALKEY_IMAGE).with_exposed_ports(6379)
        started = starting.enter_context(container.waiting_for(LogMessageWaitStrategy("Ready to accept connections")))
        return f"redis://{started.get_container_host_ip()}:{started.get_exposed_port(6379)}/0"
