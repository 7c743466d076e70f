"""Wires the worker: settings, log, snapshots, health."""

from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import ping
from libs.kafka.ready import ReadyReaders
from libs.service.process import Process, run
from libs.snapshots.opening import opened
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.watchdog import Watchdog
from services.orderbook_worker.worker import Worker


async def main(process: Process[WorkerSettings]) -> None:
    settings = process.settings
    log = ReadyReaders(KafkaLog(settings.kafka, settings.instance), settings.ready_readers + bool(settings.warm_copies))
    watchdog = Watchdog(settings.decide_limit_ms / 1000, settings.decide_look_ms / 1000, process.log)
    process.health.check("kafka", lambda: ping(settings.kafka))
    async with opened(settings, log, process.clock, process.log) as snapshots:
        process.health.ready(False, "joining the group", aspect="partitions")
        process.health.ready(True)
        watchdog.start()
        try:
            await Worker(process, log, snapshots, watchdog).run()
        finally:
            watchdog.stop()
            await log.close()


if __name__ == "__main__":
    run("orderbook-worker", WorkerSettings, main)
