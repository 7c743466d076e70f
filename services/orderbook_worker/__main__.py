"""Wires the worker: settings, log, snapshots, health."""

from pathlib import Path

from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import ping
from libs.service.process import Process, run
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.snapshots import CachedSnapshots, DiskSnapshots, KafkaSnapshots
from services.orderbook_worker.worker import Worker


async def main(process: Process[WorkerSettings]) -> None:
    settings = process.settings
    log = KafkaLog(settings.kafka, settings.instance)
    process.health.check("kafka", lambda: ping(settings.kafka))
    publisher = log.publisher()
    await publisher.start()
    try:
        store = KafkaSnapshots(log, publisher, settings.snapshot_chunk_bytes, settings.snapshots_kept)
        cache = DiskSnapshots(Path(settings.data_dir) / "snapshots" / settings.cluster)
        process.health.ready(False, "joining the group", aspect="partitions")
        process.health.ready(True)
        await Worker(process, log, CachedSnapshots(store, cache, process.log)).run()
    finally:
        await publisher.close()


if __name__ == "__main__":
    run("orderbook-worker", WorkerSettings, main)
