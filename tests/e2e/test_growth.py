"""A running exchange grows from two partitions to four under load, with SIGKILL for the command and a worker midway;
then its tables are rebuilt.

What is compared at the end is everything: `orders`, `order-events`, Postgres and the API, by `sim.check`.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from libs.events.partitioning import home
from libs.events.topics import ORDERS, PARTITIONED
from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import partition_counts
from libs.kafka.cluster import recorded
from libs.read_model.connect import Connection, connect
from sim import recording
from sim.check.report import Report
from sim.check.run import check
from sim.exchange import Exchange
from sim.live import Live
from sim.plan import Batch
from sim.products import ensure_listed
from sim.receipts import EXPECTED
from sim.replay import Replay, plan
from tests.e2e.conftest import running
from tests.e2e.stack import ROOT, Stack, until

BEFORE, AFTER = 2, 4
OLD, NEW = ("BTC-USD", "BTC-JPY"), ("BTC-GBP", "BTC-SGD")
"""Listed before and after; together they are in every partition."""
ROWS = 2_000
SPEED = 1.0
"""Of the market while it grows, so that it trades from before the first death until after the last."""
LIMIT_S = 150.0
REFUSED = "this log belongs to the cluster 'outcry', and OUTCRY_CLUSTER says 'other'"
SERVICES = ("orderbook_worker", "read_model_builder", "order_api", "query_api")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(360),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(OUTCRY_PARTITIONS=str(BEFORE)) as run:
        yield run


class Outcry:
    """`./outcry …` as a process."""

    def __init__(self, stack: Stack, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            env=os.environ | {"OUTCRY_KAFKA": stack.addresses.kafka, "OUTCRY_POSTGRES": stack.addresses.postgres},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    async def ended(self) -> tuple[int, str]:
        said = await asyncio.to_thread(self._process.communicate, None, LIMIT_S)
        return self._process.returncode, "".join(said)


async def size(stack: Stack) -> int:
    found = await recorded(KafkaLog(stack.addresses.kafka, "e2e"))
    assert found is not None
    return found.partitions


async def grow_with_two_deaths(stack: Stack, replays: Sequence[Replay]) -> None:
    await until(lambda: all(each.sent for each in replays), "orders answered", LIMIT_S)
    first = Outcry(stack, "partitions", "grow", str(AFTER))
    kafka = stack.addresses.kafka
    async with asyncio.timeout(LIMIT_S):
        while (await partition_counts(kafka, [ORDERS]))[ORDERS] < AFTER:
            await asyncio.sleep(0.1)
    first.kill()  # the topics have grown, and at most some owners know
    assert await size(stack) == BEFORE
    second = Outcry(stack, "partitions", "grow", str(AFTER))
    await stack.kill_one("orderbook-worker-1")
    assert await second.ended() == (0, f"cluster outcry has grown from {BEFORE} to {AFTER} partitions\n")


async def replayed(exchange: Exchange, listed: Sequence[str], requests: Sequence[Batch]) -> list[Replay]:
    for name in listed:
        await ensure_listed(exchange, name)
    return [Replay(exchange, name, requests, "e2e") for name in listed]


def test_it_grows_while_it_trades(stack: Stack) -> None:
    async def scenario() -> Report:
        rows = recording.rows(recording.path(), ROWS)
        async with Exchange(stack.addresses.url) as exchange:
            replays = await replayed(exchange, OLD, plan(rows, SPEED))
            async with asyncio.timeout(2 * LIMIT_S), asyncio.TaskGroup() as group:
                group.create_task(grow_with_two_deaths(stack, replays))
                for replay in replays:
                    group.create_task(replay.run(SPEED))
            later = await replayed(exchange, NEW, plan(rows, None))
            async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
                for replay in later:
                    group.create_task(replay.run(None))
            receipts = [replay.receipts for replay in (*replays, *later)]
            assert {kind for receipt in receipts for kind in receipt.refused} <= EXPECTED
            where = {receipt.product: receipt.partition for receipt in receipts}
            assert where == {name: home(name, BEFORE) for name in OLD} | {name: home(name, AFTER) for name in NEW}
            assert set(where.values()) == set(range(AFTER))
            return await check(stack.addresses, exchange, receipts, Live())

    report = asyncio.run(scenario())
    assert report.products == len(OLD + NEW)
    assert report.resting > 0


def test_every_topic_has_grown_and_none_shrinks(stack: Stack) -> None:
    async def scenario() -> None:
        counts = await partition_counts(stack.addresses.kafka, PARTITIONED)
        assert counts == dict.fromkeys(PARTITIONED, AFTER)
        assert await size(stack) == AFTER
        code, said = await Outcry(stack, "partitions", "grow", str(BEFORE)).ended()
        assert code == 1
        assert f"cannot shrink to {BEFORE}" in said
        assert await Outcry(stack, "partitions", "grow", str(AFTER)).ended() == (
            0,
            f"cluster outcry has {AFTER} partitions already, and every owner knows it\n",
        )

    asyncio.run(scenario())


def stranger(stack: Stack, module: str) -> subprocess.CompletedProcess[str]:
    addresses = stack.addresses
    told = {"OUTCRY_KAFKA": addresses.kafka, "OUTCRY_POSTGRES": addresses.postgres, "OUTCRY_CLUSTER": "other"}
    # Set, for `make` passes an empty one on where nobody has set it; that no Redis answers there matters to nobody here.
    told["OUTCRY_REDIS"] = "redis://127.0.0.1:1/0"
    return subprocess.run(
        [sys.executable, "-m", f"services.{module}"],
        cwd=ROOT,
        env=os.environ | told | {"OUTCRY_HTTP_PORT": "0", "OUTCRY_INSTANCE": f"strange-{module}"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_the_tables_are_rebuilt_beside_the_running_ones(stack: Stack) -> None:
    async def counted(connection: Connection) -> int:
        return int(await connection.fetchval("SELECT count(*) FROM trades"))

    async def scenario() -> None:
        connection = await connect(stack.addresses.postgres, "e2e", LIMIT_S)
        try:
            before = await counted(connection)
            await connection.execute("DELETE FROM trades")
            code, said = await Outcry(stack, "rebuild").ended()
            assert (code, await counted(connection)) == (0, before), said
        finally:
            await connection.close()
        assert re.search(rf"^rebuilt from [\d,]+ events of {AFTER} partitions$", said, re.MULTILINE)

    asyncio.run(scenario())


def test_services_of_another_cluster_refuse_to_start(stack: Stack) -> None:
    with ThreadPoolExecutor(len(SERVICES)) as at_once:
        for ended in at_once.map(partial(stranger, stack), SERVICES):
            assert ended.returncode == 1
            assert REFUSED in ended.stdout, ended.stdout[-3_000:]
