"""`python -m services.read_model_builder`: wires the projector."""

from libs.kafka.adapter import KafkaLog
from libs.read_model.connect import connect
from libs.read_model.database import Postgres
from libs.service.process import Process, run
from services.read_model_builder.projector import Projector
from services.read_model_builder.settings import BuilderSettings


async def main(process: Process[BuilderSettings]) -> None:
    settings = process.settings

    async def postgres() -> None:
        connection = await connect(settings.postgres, "outcry-projector-health", settings.health_timeout_ms / 1000)
        await connection.close()

    process.health.check("postgres", postgres)
    log = KafkaLog(settings.kafka, f"{settings.cluster}-read-model-builder-{settings.instance}")
    projector = Projector(process, log, Postgres(settings.postgres))
    process.health.check("kafka", projector.ask_log)
    await projector.run()


if __name__ == "__main__":
    run("read_model_builder", BuilderSettings, main)
