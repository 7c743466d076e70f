"""Where the exchange is, and its log and tables for the check; the runner says it in the environment."""

import os
from collections.abc import Mapping
from typing import NamedTuple


class Addresses(NamedTuple):
    """Kafka and Postgres are empty where nobody said them: only the check needs them."""

    url: str
    kafka: str
    postgres: str
    redis: str = ""
    """Only chaos needs it."""

    @staticmethod
    def read(environment: Mapping[str, str] = os.environ) -> "Addresses":
        port = environment.get("OUTCRY_PORT") or "8080"
        return Addresses(
            environment.get("OUTCRY_URL") or f"http://127.0.0.1:{port}",
            environment.get("OUTCRY_KAFKA", ""),
            environment.get("OUTCRY_POSTGRES", ""),
            environment.get("OUTCRY_REDIS", ""),
        )
