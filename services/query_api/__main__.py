"""`python -m services.query_api`: the read side over HTTP."""

from libs.kafka.adapter import KafkaLog
from libs.service.process import Process, run
from services.query_api.app import QueryApi
from services.query_api.settings import QueryApiSettings


async def main(process: Process[QueryApiSettings]) -> None:
    settings = process.settings
    await QueryApi(process, KafkaLog(settings.kafka, f"{settings.cluster}-query-api-{settings.instance}")).serve()


if __name__ == "__main__":
    run("query_api", QueryApiSettings, main)
