"""What judges a run of chaos, on logs made by hand: it must see each kind of broken promise, and no other."""

import asyncio
import io
import random
import time
from collections.abc import Sequence

from libs.events import topics
from libs.events.codec import encode
from libs.events.commands import PlaceOrder
from libs.events.events import DuplicateIgnored, OrderAccepted, OrderRested
from libs.events.ids import mint
from libs.events.values import OrderType, Side, TimeInForce
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry
from sim.chaos.faults import Fault, decks, drawn
from sim.chaos.journal import Journal, Trail
from sim.chaos.verdict import Verdict, judge
from sim.live import Live
from sim.receipts import Promise

NUMBER = 256
SENT = 1_700_000_000_000_000_000
PROCESSES = ("Kafka", "PostgreSQL", "Valkey", "gateway", "order-api-1", "orderbook-worker-1", "query-api-1")


def identity(count: int) -> bytes:
    return mint(SENT // 1_000_000, count, NUMBER)


def placed(count: int, name: str = "") -> PlaceOrder:
    head = (identity(count), "ann", NUMBER, identity(count), name or f"o{count}", 0, SENT, 0, None)
    return PlaceOrder(*head, Side.BUY, OrderType.LIMIT, 100, 1)


class Logs:
    """One partition of commands and events."""

    def __init__(self) -> None:
        broker = Broker()
        for topic in (topics.ORDERS, topics.ORDER_EVENTS):
            broker.create_topic(topic, 1)
        self.log = MemoryLog(broker)
        self.commands: list[bytes] = []
        self.events: list[bytes] = []

    def ask(self, command: PlaceOrder) -> int:
        """The offset."""
        self.commands.append(encode(command))
        return len(self.commands) - 1

    def accept(self, offset: int, command: PlaceOrder) -> None:
        seq = len(self.events) + 1
        head = (seq, NUMBER, seq, SENT, offset, command.command_id)
        sent = (False, "ann", 0, SENT)
        first = OrderAccepted(
            *head,
            *sent,
            command.order_id,
            command.client_oid,
            Side.BUY,
            OrderType.LIMIT,
            100,
            1,
            0,
            TimeInForce.GTC,
            False,
            None,
        )
        rested = OrderRested(
            seq + 1,
            NUMBER,
            seq + 1,
            SENT,
            offset,
            command.command_id,
            True,
            "",
            0,
            0,
            command.order_id,
            Side.BUY,
            100,
            1,
            1,
        )
        self.events += [encode(first), encode(rested)]

    def ignore(self, offset: int, command: PlaceOrder) -> None:
        seq = len(self.events) + 1
        event = DuplicateIgnored(
            seq, NUMBER, 1, SENT, offset, command.command_id, True, "ann", 0, SENT, command.order_id
        )
        self.events.append(encode(event))

    def judged(self, promises: Sequence[Promise], names: Sequence[str]) -> Verdict:
        trail = Trail("ann", "BTC-USD")
        trail.partition, trail.promises = 0, list(promises)
        trail.places = dict(zip(names, promises, strict=False))

        async def scenario() -> Verdict:
            publisher = self.log.publisher()
            await publisher.start()
            await publisher.publish(topics.ORDERS, 0, [Entry(None, value) for value in self.commands])
            await publisher.publish(topics.ORDER_EVENTS, 0, [Entry(None, value) for value in self.events])
            await publisher.close()
            return await judge(self.log, [trail], Live(io.StringIO()))

        return asyncio.run(scenario())


def counted(verdict: Verdict) -> tuple[int, int, int]:
    return verdict.lost, verdict.doubled, verdict.reordered


def test_promises_that_were_kept_once_and_in_order_are_clean() -> None:
    logs, commands = Logs(), [placed(count) for count in range(3)]
    for command in commands:
        logs.accept(logs.ask(command), command)
    again = logs.ask(commands[2])
    logs.ignore(again, commands[2])
    promises = [Promise(0, identity(0)), Promise(1, identity(1)), Promise(again, identity(2))]
    verdict = logs.judged(promises, ["o0", "o1", "o2"])
    assert counted(verdict) == (0, 0, 0)
    assert verdict.is_clean
    assert verdict.promises == 3


def test_a_promise_without_an_outcome_is_lost() -> None:
    logs, command = Logs(), placed(0)
    logs.ask(command)
    logs.accept(logs.ask(placed(1)), placed(1))
    assert counted(logs.judged([Promise(0, command.command_id)], [])) == (1, 0, 0)


def test_a_promise_of_a_place_in_the_log_where_another_command_stands_is_lost() -> None:
    logs = Logs()
    logs.accept(logs.ask(placed(1)), placed(1))
    verdict = logs.judged([Promise(0, identity(2))], [])
    assert counted(verdict) == (1, 0, 0)
    assert verdict.named == ["lost: BTC-USD: command 0:0 of ann"]


def test_a_command_that_acted_twice_is_doubled() -> None:
    logs, command = Logs(), placed(0)
    for _ in range(2):
        logs.accept(logs.ask(command), command)
    assert logs.judged([Promise(0, command.command_id)], []).doubled == 1


def test_one_name_for_two_orders_is_doubled() -> None:
    logs = Logs()
    for count in range(2):
        logs.accept(logs.ask(placed(count, "same")), placed(count, "same"))
    assert counted(logs.judged([Promise(0, identity(0))], ["same"])) == (0, 1, 0)


def test_what_was_asked_later_and_stands_before_is_reordered() -> None:
    logs = Logs()
    for count in range(2):
        logs.accept(logs.ask(placed(count)), placed(count))
    assert counted(logs.judged([Promise(1, identity(1)), Promise(0, identity(0))], [])) == (0, 0, 1)


def test_each_fault_comes_once_before_any_comes_again() -> None:
    commands, reads = decks(PROCESSES)
    assert Fault("fill", "Kafka") in commands
    assert Fault("cut", "Valkey") in reads
    assert not set(commands) & set(reads)
    assert {fault.target for fault in (*commands, *reads)} == set(PROCESSES)
    draw = drawn(commands, random.Random(3))
    for _ in range(2):
        assert sorted(next(draw) for _ in commands) == sorted(commands)


def test_faults_can_be_chosen_by_a_part_of_their_name() -> None:
    every = [str(fault) for deck in decks(PROCESSES, "kill") for fault in deck]
    assert sorted(every) == sorted(f"kill {name}" for name in PROCESSES)


def test_a_store_that_is_not_ours_is_left_alone() -> None:
    every = [fault for deck in decks(("order-api-1", "Valkey")) for fault in deck]
    assert {fault.target for fault in every} == {"order-api-1", "Valkey"}


def test_the_longest_wait_is_of_requests_on_their_way_meanwhile() -> None:
    journal, now = Journal(), time.monotonic()
    for began, ended in ((0.0, 9.0), (10.0, 11.0), (10.5, 13.0), (20.0, 29.0)):
        journal.answered(now + began, now + ended, attempts=1)
    assert round(journal.longest(now + 10, now + 15), 6) == 2.5
    assert journal.repeated == 0
