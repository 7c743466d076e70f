"""`python -m services.order_api`: the composition root."""

from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import ping
from libs.service.process import Process, run
from libs.service.shared_script import CallLimits
from services.order_api.app import OrderApi
from services.order_api.idempotency.redis_store import Limits, RedisIdempotency
from services.order_api.settings import OrderApiSettings

NAME = "order_api"


async def main(process: Process[OrderApiSettings]) -> None:
    settings = process.settings
    limits = Limits(
        CallLimits(
            timeout_s=settings.redis_timeout_ms / 1000,
            pause_s=settings.redis_pause_ms / 1000,
            items=settings.redis_ops,
            gather_s=settings.redis_gather_ms / 1000,
        ),
        queue=settings.redis_queue,
        ttl_s=settings.idempotency_hours * 3600,
        pending_ms=settings.pending_ms,
    )
    store = RedisIdempotency(settings.redis, process.clock, process.log, limits)
    process.health.check("kafka", lambda: ping(settings.kafka))
    process.metrics.gauge(
        "idempotency_unwritten", "Outcomes Redis was not told, since the start", lambda: float(store.unwritten)
    )
    await OrderApi(process, KafkaLog(settings.kafka, f"{NAME}-{settings.instance}"), store).run()


if __name__ == "__main__":
    run(NAME, OrderApiSettings, main)
