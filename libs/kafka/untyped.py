"""The seam to aiokafka, which has no types: everything of it that `libs.kafka` touches is named and typed here.

Some of it is private (leading underscores), because aiokafka 0.14 has no public way to: send LeaveGroup for a static
member, read a position without waiting, know whether a batch was ever handed to a connection, or stop a producer
without flushing it. The version is pinned, and the contract suite runs every one of these paths on a real broker.
"""

import asyncio
import struct
from collections.abc import Hashable, Mapping, Sequence
from io import BytesIO
from typing import Final, NamedTuple, Protocol, TypeVar

import aiokafka
import aiokafka.client
import aiokafka.coordinator.assignors.roundrobin
import aiokafka.errors
import aiokafka.producer.sender
import aiokafka.structs

from libs.kafka import connections  # noqa: F401  # teaches aiokafka's connections
from libs.kafka.limits import Limits
from libs.kafka.ports import Record
from libs.kafka.wire import Owner, Request

_T = TypeVar("_T")

KafkaError: type[Exception] = aiokafka.errors.KafkaError
NoOffsetError: type[Exception] = aiokafka.errors.NoOffsetForPartitionError
OutOfRangeError: type[Exception] = aiokafka.errors.OffsetOutOfRangeError
CommitFailedError: type[Exception] = aiokafka.errors.CommitFailedError
FENCED: tuple[type[Exception], ...] = (
    aiokafka.errors.ProducerFenced,
    aiokafka.errors.InvalidProducerEpoch,
)
_FENCED_INSTANCE_CODE = 82
_PRODUCER_FENCED_CODE = 90
_FENCED_INSTANCE = "FENCED_INSTANCE_ID"
_NO_NODE: Final = -1
_NO_TAGS: Final = b"\0"
STOPPED: type[Exception] = aiokafka.errors.ConsumerStoppedError
# What the client raises when it does not know a topic or partition.
UNKNOWN_TOPIC: type[Exception] = aiokafka.errors.UnknownTopicOrPartitionError


_CONNECTION = (
    aiokafka.errors.KafkaConnectionError,
    aiokafka.errors.NodeNotReadyError,
    aiokafka.errors.RequestTimedOutError,
)


def refusal(code: int) -> Exception:
    """The broker's error as an exception."""
    made: Exception = aiokafka.errors.for_code(code)(f"the broker answers with error {code}")
    return made


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed in a moment: a connection broke, or a leader or coordinator moves."""
    if isinstance(error, (*_CONNECTION, aiokafka.errors.ConcurrentTransactions)):
        return True
    return bool(getattr(error, "retriable", False))


def is_unfinished(error: Exception) -> bool:
    """Whether the coordinator is still busy with the last transaction of this producer."""
    return isinstance(error, aiokafka.errors.ConcurrentTransactions)


def _teach_codes() -> None:
    """Two answers of newer brokers that aiokafka 0.14 takes for unknown errors: of an instance id that another process
    has taken, and the newer name of a fence."""
    codes = aiokafka.errors.kafka_errors
    fenced = {"errno": _FENCED_INSTANCE_CODE, "message": _FENCED_INSTANCE}
    codes.setdefault(_FENCED_INSTANCE_CODE, type(_FENCED_INSTANCE, (aiokafka.errors.BrokerResponseError,), fenced))
    codes.setdefault(_PRODUCER_FENCED_CODE, aiokafka.errors.InvalidProducerEpoch)


def is_instance_fenced(error: Exception) -> bool:
    """Whether another process has taken the instance id. aiokafka passes the broker's answer on as text."""
    return _FENCED_INSTANCE in repr(error)


class Rebalances(Protocol):
    """aiokafka's rebalance callbacks; it tells the class by inheritance, so `listener()` wraps one of these."""

    async def on_partitions_revoked(self, revoked: Sequence["Place"]) -> None: ...
    async def on_partitions_assigned(self, assigned: Sequence["Place"]) -> None: ...


class Place(Hashable, Protocol):
    """aiokafka's TopicPartition."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


class Builder(Protocol):
    """A batch being filled. `append` gives None when it is full; the first record always fits."""

    def append(
        self, *, timestamp: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> object | None: ...
    def size(self) -> int: ...
    def record_count(self) -> int: ...


class Producer(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def create_batch(self) -> Builder: ...
    async def partitions_for(self, topic: str) -> set[int]: ...


class Consumer(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: Sequence[Place]) -> None: ...
    def subscribe(self, topics: Sequence[str], *, listener: object) -> None: ...
    def assignment(self) -> set[Place]: ...
    def seek(self, partition: Place, offset: int) -> None: ...
    def pause(self, *partitions: Place) -> None: ...
    def resume(self, *partitions: Place) -> None: ...
    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[Place, list[Record]]: ...
    async def beginning_offsets(self, partitions: Sequence[Place]) -> dict[Place, int]: ...
    async def end_offsets(self, partitions: Sequence[Place]) -> dict[Place, int]: ...
    async def committed(self, partition: Place) -> int | None: ...
    async def commit(self, offsets: Mapping[Place, int]) -> None: ...


class Connection(NamedTuple):
    """What every client needs to reach the cluster."""

    bootstrap: str
    client_id: str
    limits: Limits


def place(topic: str, partition: int) -> Place:
    made: Place = aiokafka.structs.TopicPartition(topic, partition)
    return made


def new_producer(connection: Connection, transactional_id: str | None) -> Producer:
    """An idempotent producer with acks=all and no linger; transactional when it has an id."""
    _teach_codes()
    limits = connection.limits
    aiokafka.producer.sender.BACKOFF_OVERRIDE = limits.concurrent_transaction_backoff_s
    made: Producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=connection.bootstrap,
        client_id=connection.client_id,
        acks="all",
        enable_idempotence=True,
        max_batch_size=limits.batch_bytes,
        linger_ms=0,
        request_timeout_ms=_ms(limits.request_timeout_s),
        retry_backoff_ms=_ms(limits.retry_backoff_s),
        transactional_id=transactional_id,
        transaction_timeout_ms=_ms(limits.transaction_timeout_s),
    )
    return made


def new_consumer(
    connection: Connection,
    *,
    committed: bool,
    group: str | None = None,
    instance: str | None = None,
    sharing: object = aiokafka.coordinator.assignors.roundrobin.RoundRobinPartitionAssignor,
) -> Consumer:
    """A consumer that never commits and never moves a position by itself."""
    _teach_codes()
    limits = connection.limits
    made: Consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap,
        client_id=connection.client_id,
        group_id=group,
        group_instance_id=instance,
        partition_assignment_strategy=(sharing,),
        isolation_level="read_committed" if committed else "read_uncommitted",
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_min_bytes=1,
        fetch_max_wait_ms=_ms(limits.fetch_wait_s),
        metadata_max_age_ms=_ms(limits.metadata_age_s),
        max_partition_fetch_bytes=limits.fetch_partition_bytes,
        check_crcs=limits.check_crcs,
        request_timeout_ms=_ms(limits.request_timeout_s),
        heartbeat_interval_ms=_ms(limits.heartbeat_s),
        session_timeout_ms=_ms(limits.session_timeout_s),
        max_poll_interval_ms=_ms(limits.poll_interval_s),
    )
    return made


def ask_for(consumer: Consumer, least_bytes: int, wait_s: float) -> None:
    """How much the next fetch asks for, and how long the broker waits for that much."""
    fetcher = consumer._fetcher  # type: ignore[attr-defined]  # private
    fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = least_bytes, _ms(wait_s)


def listener(target: Rebalances) -> object:
    """aiokafka asks for a subclass of its own."""

    class Listener(aiokafka.ConsumerRebalanceListener):  # type: ignore[misc]  # its base has no types
        async def on_partitions_revoked(self, revoked: Sequence[Place]) -> None:
            await target.on_partitions_revoked(revoked)

        async def on_partitions_assigned(self, assigned: Sequence[Place]) -> None:
            await target.on_partitions_assigned(assigned)

    return Listener()


async def known_partitions(client: Producer | Consumer, topic: str) -> set[int]:
    """Partition numbers from metadata; asks the broker until it knows the topic, so put a limit around it."""
    known: set[int] = await _client(client)._wait_on_metadata(topic)
    return known


async def leader_ready(producer: Producer, at: Place) -> bool:
    """Whether there is a connection to the leader, which is made if need be. False means: nothing was sent."""
    client = _client(producer)
    leader = client.cluster.leader_for_partition(at)
    if leader is None or leader == -1:
        await client.force_metadata_update()
        return False
    connected: bool = await client.ready(leader)
    return connected


def is_connected(producer: Producer, at: Place) -> bool:
    """Whether there is a connection to the leader already."""
    client = _client(producer)
    connection = client._conns.get((client.cluster.leader_for_partition(at), aiokafka.client.ConnectionGroup.DEFAULT))
    return connection is not None and connection.connected()


def halt(producer: Producer, cause: Exception) -> None:
    """Send nothing more, and fail all that waits. Takes effect before the next turn of the loop."""
    sender = producer._sender.sender_task  # type: ignore[attr-defined]  # private
    if sender is not None:
        sender.cancel()
    accumulator = producer._message_accumulator  # type: ignore[attr-defined]  # private
    accumulator.fail_all(cause)
    for batches in accumulator._batches.values():
        for batch in batches:
            retrieve(batch._drain_waiter)


async def cut(client: Producer | Consumer, limit_s: float) -> None:
    """Close connections without flushing or committing. Never raises for the state of the connection."""
    client._closed = True  # type: ignore[union-attr]  # private; otherwise its finalizer complains
    try:
        async with asyncio.timeout(limit_s):
            await _client(client).close()
    except (TimeoutError, OSError, KafkaError):
        return


def producer_identity(producer: Producer, transactional_id: str) -> Owner:
    """What a producer that has started was given by the coordinator."""
    transactions = producer._txn_manager  # type: ignore[attr-defined]  # private
    return Owner(transactional_id, transactions.producer_id, transactions.producer_epoch)


def sealed(batch: Builder, owner: Owner, sequence: int) -> bytes | bytearray:
    """The bytes of a batch. `sequence` counts the records of its partition under this epoch before it."""
    batch._set_producer_state(owner.producer_id, owner.epoch, sequence)  # type: ignore[attr-defined]  # private
    data: bytes | bytearray = batch._build()  # type: ignore[attr-defined]  # private
    return data


def leader(producer: Producer, at: Place) -> int | None:
    """The node that has a partition, as far as is known."""
    node: int | None = _client(producer).cluster.leader_for_partition(at)
    return None if node == _NO_NODE else node


async def learn_leaders(producer: Producer) -> None:
    await _client(producer).force_metadata_update()


async def transaction_coordinator(producer: Producer, transactional_id: str) -> int:
    kind = aiokafka.client.CoordinationType.TRANSACTION
    return await _coordinator(producer, kind, transactional_id)


async def group_coordinator(producer: Producer, group: str) -> int:
    return await _coordinator(producer, aiokafka.client.CoordinationType.GROUP, group)


async def _coordinator(producer: Producer, kind: object, name: str) -> int:
    node: int = await producer._sender._find_coordinator(kind, name)  # type: ignore[attr-defined]  # private
    return node


def forget_coordinators(producer: Producer) -> None:
    """They are looked for again at the next use."""
    producer._sender._coordinators.clear()  # type: ignore[attr-defined]  # private


async def exchange(producer: Producer, node: int, request: Request, *, coordination: bool) -> bytes:
    """Send a request as it is, and give the answer's body. Raises KafkaError when the connection fails."""
    groups = aiokafka.client.ConnectionGroup
    group = groups.COORDINATION if coordination else groups.DEFAULT
    answer: _Answer = await _client(producer).send(node, _Framed(request), group=group)
    return answer.body


class _Framed:
    """A request of our own as aiokafka's connections take one."""

    def __init__(self, request: Request) -> None:
        self.API_KEY, self.API_VERSION, self._body, self._plain_answer = request
        self.RESPONSE_TYPE = _Answer

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> "_Framed":
        least, most = versions.get(self.API_KEY, (0, -1))
        if not least <= self.API_VERSION <= most:
            raise aiokafka.errors.IncompatibleBrokerVersion(
                f"request {self.API_KEY} is wanted in version {self.API_VERSION}, the broker has {least} to {most}"
            )
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> "_Head":
        name = client_id.encode()
        head = struct.pack(">hhih", self.API_KEY, self.API_VERSION, correlation_id, len(name))
        return _Head(correlation_id, head + name + _NO_TAGS)

    def parse_response_header(self, answer: BytesIO) -> "_Head":
        (correlation_id,) = struct.unpack(">i", answer.read(4))
        if not self._plain_answer and answer.read(1) != _NO_TAGS:
            raise KafkaError("an answer's header has tags that nobody asked for")
        return _Head(correlation_id, b"")

    def encode(self) -> bytes:
        return self._body


class _Head(NamedTuple):
    correlation_id: int
    data: bytes

    def encode(self) -> bytes:
        return self.data


class _Answer(NamedTuple):
    body: bytes

    @classmethod
    def decode(cls, answer: BytesIO) -> "_Answer":
        return cls(answer.read())


def position(consumer: Consumer, at: Place) -> int | None:
    """The next offset, without waiting; None when unassigned or never sought."""
    subscription = consumer._subscription.subscription  # type: ignore[attr-defined]  # private
    assignment = None if subscription is None else subscription.assignment
    state = None if assignment is None else assignment.state_value(at)
    if state is None or not state.has_valid_position:
        return None
    offset: int = state.position
    return offset


class Membership(NamedTuple):
    """How the group knows this member: `generation` is -1 and `member_id` empty when it does not."""

    generation: int
    member_id: str


def membership(consumer: Consumer) -> Membership:
    coordinator = consumer._coordinator  # type: ignore[attr-defined]  # private
    return Membership(coordinator.generation, coordinator.member_id)


def leave_on_stop(consumer: Consumer) -> None:
    """Make `stop` send LeaveGroup for a static member too: without it the group waits out the session timeout."""
    consumer._coordinator._group_instance_id = None  # type: ignore[attr-defined]  # private


def _client(owner: Producer | Consumer):  # type: ignore[no-untyped-def]  # aiokafka's client has no types
    return owner.client if hasattr(owner, "client") else owner._client  # type: ignore[union-attr]  # private


def retrieve(future: "asyncio.Future[_T] | None") -> None:
    """Mark an exception as seen: who needs it has it from elsewhere, and asyncio would log it as lost."""
    if future is not None and future.done() and not future.cancelled():
        future.exception()


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
