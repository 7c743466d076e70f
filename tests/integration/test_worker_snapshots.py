"""Worker processes that keep their snapshots in each store: the next start goes on from what the last one saved."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import POSTGRES, Addresses, Servers, short_temporary_directory
from deploy.topics import create_and_check
from libs.events import topics
from libs.events.codec import encode
from libs.events.commands import ListProduct
from libs.events.ids import mint
from libs.events.values import NO_ID
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Entry
from libs.service.clock import SystemClock

PARTITIONS = 2
LIMIT_S = 60.0
LOOK_S = 0.05


@pytest.fixture(scope="module")
def broker() -> Iterator[Addresses]:
    """Kafka and Valkey of this module: the topics have fixed names."""
    directory = short_temporary_directory()
    started = Servers(directory, {POSTGRES: "unused"})

    async def start() -> Addresses:
        addresses = await started.start()
        await create_and_check(addresses.kafka, PARTITIONS)
        return addresses

    try:
        yield asyncio.run(start())
    finally:
        started.kill()
        shutil.rmtree(directory, ignore_errors=True)


async def publish(kafka: str, number: int) -> None:
    """A product is listed in the first partition: something has changed."""
    publisher = KafkaLog(kafka, "test").publisher()
    await publisher.start()
    now = SystemClock().now()
    command_id = mint(now // 1_000_000, number, 0)
    listing = ListProduct(command_id, "op", 0, NO_ID, "", 0, now, 0, None, f"T{number}-USD", "T", "USD", 0, 0, 1, 1)
    await publisher.publish(topics.ORDERS, 0, [Entry(b"T", encode(listing))])
    await publisher.close()


class LoggedWorker:
    """`python -m services.orderbook_worker`, and what it says."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self._path = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.orderbook_worker"], env=os.environ | environment, stdout=out
            )

    def said(self, event: str, **details: int) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self._path.read_text().splitlines() if line.endswith("}")]
        return [each for each in lines if each["event"] == event and details.items() <= each.items()]

    def taken_over(self) -> dict[str, object]:
        """What it says of the first partition, once it owns it."""
        deadline = time.monotonic() + LIMIT_S
        while not (found := self.said("partition taken over", partition=0)):
            assert self._process.poll() is None, self._path.read_text()
            assert time.monotonic() < deadline, self._path.read_text()
            time.sleep(LOOK_S)
        return found[-1]

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(LIMIT_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(LIMIT_S)


@pytest.mark.parametrize("kind", ["kafka", "disk", "redis", "s3"])
def test_the_next_start_goes_on_from_the_store(
    broker: Addresses, s3: tuple[str, str], tmp_path: Path, kind: str
) -> None:
    endpoint, bucket = s3
    environment = {
        "OUTCRY_KAFKA": broker.kafka,
        "OUTCRY_REDIS": broker.redis,
        "OUTCRY_DATA_DIR": str(tmp_path),
        "OUTCRY_INSTANCE": f"keeps-in-{kind}",
        "OUTCRY_SNAPSHOTS": kind,
        "OUTCRY_SNAPSHOT_CACHE": "false",
    }
    if kind == "s3":
        environment |= {
            "OUTCRY_SNAPSHOTS_URL": f"s3://{bucket}/books",
            "OUTCRY_SNAPSHOTS_S3_ENDPOINT": endpoint,
            "OUTCRY_SNAPSHOTS_S3_REGION": "us-east-1",
            "OUTCRY_SNAPSHOTS_S3_ACCESS_KEY_ID": "test",
            "OUTCRY_SNAPSHOTS_S3_SECRET_ACCESS_KEY": "test",
        }
    asyncio.run(publish(broker.kafka, len(kind) + ord(kind[0])))
    for turn in ("first", "second"):
        worker = LoggedWorker(tmp_path / f"{turn}.log", environment)
        try:
            taken = worker.taken_over()
            if turn == "first":
                asyncio.run(publish(broker.kafka, 1_000 + len(kind) + ord(kind[0])))
            assert worker.stop() == 0
        finally:
            worker.kill()
        assert worker.said("snapshot not saved") == []
        assert worker.said("snapshots away") == []
        steps = taken["milliseconds"]
        assert isinstance(steps, dict)
        assert ("fold from the start" in steps) == (turn == "first")
