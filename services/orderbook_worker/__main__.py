"""Wires the worker: settings, log, snapshots, health."""

from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import ping
from libs.service.process import Process, run
from libs.snapshots.opening import opened
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.worker import Worker


async def main(process: Process[WorkerSettings]) -> None:
    settings = process.settings
    log = KafkaLog(settings.kafka, settings.instance)
    process.health.check("kafka", lambda: ping(settings.kafka))
    async with opened(settings, log, process.clock, process.log) as snapshots:
        process.health.ready(False, "joining the group", aspect="partitions")
        process.health.ready(True)
        await Worker(process, log, snapshots).run()


if __name__ == "__main__":
    run("orderbook-worker", WorkerSettings, main)
