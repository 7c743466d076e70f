"""A broker that is away is asked again ever more seldom, at once when it was there a moment ago; and a connection that
went while it was written to is a broken connection, whatever the event loop calls it."""

import asyncio

import aiokafka.client
import aiokafka.conn
import aiokafka.errors
import pytest

from libs.kafka.connections import FIRST_S, MOST_S, Reconnects, honest, patient

BROKER = ("127.0.0.1", 9092)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pauses_double_up_to_the_most_and_end_with_a_success() -> None:
    clock = Clock()
    reconnects = Reconnects(clock)
    pauses = []
    for _ in range(7):
        reconnects.failed(BROKER)
        pauses.append(reconnects.wait(BROKER))
        clock.now += pauses[-1]
    assert pauses == pytest.approx([FIRST_S, 0.04, 0.08, 0.16, MOST_S, MOST_S, MOST_S])
    reconnects.succeeded(BROKER)
    assert reconnects.wait(BROKER) == 0
    reconnects.failed(BROKER)
    assert reconnects.wait(BROKER) == pytest.approx(FIRST_S)


def test_many_who_fail_together_are_one_failure() -> None:
    reconnects = Reconnects(Clock())
    for _ in range(30):
        reconnects.failed(BROKER)
    assert reconnects.wait(BROKER) == pytest.approx(FIRST_S)


def test_brokers_are_told_apart() -> None:
    reconnects = Reconnects(Clock())
    reconnects.failed(BROKER)
    assert reconnects.wait(("127.0.0.1", 9093)) == 0


def test_a_connection_is_made_after_the_wait_and_its_failure_is_noted() -> None:
    async def run() -> None:
        reconnects = Reconnects(asyncio.get_running_loop().time)
        asked: list[float] = []

        async def connect(host: str, port: int) -> str:
            asked.append(reconnects.wait((host, port)))
            if len(asked) == 1:
                raise ConnectionRefusedError("nobody")
            return "a connection"

        tried = patient(connect, reconnects)
        with pytest.raises(ConnectionRefusedError):
            await tried(*BROKER)
        assert reconnects.wait(BROKER) > 0
        assert await tried(*BROKER) == "a connection"
        assert asked == [0, 0], "nobody asks before it is time"
        assert reconnects.wait(BROKER) == 0

    asyncio.run(run())


class Connection:
    """One whose transport uvloop has closed."""

    def __init__(self) -> None:
        self.closed: list[object] = []

    def close(self, reason: object) -> None:
        self.closed.append(reason)

    def send(self, request: str) -> str:
        raise RuntimeError(f"{request}: the handler is closed")


def test_a_write_to_a_connection_that_has_gone_breaks_it() -> None:
    connection = Connection()
    with pytest.raises(aiokafka.errors.KafkaConnectionError, match="produce: the handler is closed"):
        honest(Connection.send)(connection, "produce")
    assert connection.closed == [aiokafka.conn.CloseReason.CONNECTION_BROKEN]


def test_the_client_is_taught() -> None:
    assert aiokafka.client.create_conn.__module__ == "libs.kafka.connections"
    assert aiokafka.conn.AIOKafkaConnection.send.__module__ == "libs.kafka.connections"
