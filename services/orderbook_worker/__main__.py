"""Wires the worker: settings, log, snapshots, health."""

from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import ping
from libs.kafka.ready import ReadyReaders
from libs.service.process import Process, run
from libs.snapshots.opening import opened
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.worker import Worker


async def main(process: Process[WorkerSettings]) -> None:
    settings = process.settings
    log = ReadyReaders(KafkaLog(settings.kafka, settings.instance), settings.ready_readers)
    process.health.check("kafka", lambda: ping(settings.kafka))
    async with opened(settings, log, process.clock, process.log) as snapshots:
        process.health.ready(False, "joining the group", aspect="partitions")
        process.health.ready(True)
        try:
            await Worker(process, log, snapshots).run()
        finally:
            await log.close()


if __name__ == "__main__":
    run("orderbook-worker", WorkerSettings, main)
