"""Settings of the local run, all from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.brokers import COUNTS
from deploy.local.problem import CannotRun
from deploy.partitions import MAX_PARTITIONS

MAX_WORKERS = 16
AUTHS = ("off", "required")
RUNNERS_OWN = frozenset(
    (
        "OUTCRY_PORT",
        "OUTCRY_AUTH",
        "OUTCRY_SECRETS_KEY",
        "OUTCRY_WORKERS",
        "OUTCRY_BROKERS",
        "OUTCRY_PARTITIONS",
        "OUTCRY_AUDIT_HOURS",
        "OUTCRY_MIN_FREE_DISK_MB",
        "OUTCRY_READY_SECONDS",
        "OUTCRY_HTTP_PORT",
    )
)


@dataclass(frozen=True)
class LocalSettings:
    """`OUTCRY_<NAME>` each."""

    data_dir: Path
    port: int
    workers: int
    partitions: int | None
    """Of a new cluster; None takes the default, or what the cluster has."""
    cluster: str
    audit_hours: int | None
    min_free_disk_mb: int
    ready_seconds: int
    auth: str = "off"
    brokers: int = 1

    @staticmethod
    def read(environment: Mapping[str, str] = os.environ) -> "LocalSettings":
        """From the environment; `CannotRun` names the variable that is wrong."""

        def number(name: str, default: int, least: int, most: int) -> int:
            text = environment.get(name) or str(default)
            if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
                raise CannotRun(f"{name} is {text!r} and must be a whole number from {least} to {most}.")
            return int(text)

        auth = environment.get("OUTCRY_AUTH") or "off"
        if auth not in AUTHS:
            raise CannotRun(f"OUTCRY_AUTH is {auth!r} and must be one of {', '.join(AUTHS)}.")
        brokers = number("OUTCRY_BROKERS", 1, 1, max(COUNTS))
        if brokers not in COUNTS:
            raise CannotRun(f"OUTCRY_BROKERS is {brokers} and must be {' or '.join(map(str, COUNTS))}.")
        return LocalSettings(
            data_dir=Path(environment.get("OUTCRY_DATA_DIR") or ".outcry").resolve(),
            port=number("OUTCRY_PORT", 8080, 1, 65535),
            workers=number("OUTCRY_WORKERS", 2, 1, MAX_WORKERS),
            partitions=number("OUTCRY_PARTITIONS", 0, 0, MAX_PARTITIONS) or None,
            cluster=environment.get("OUTCRY_CLUSTER") or "outcry",
            audit_hours=number("OUTCRY_AUDIT_HOURS", 0, 0, 1_000_000) or None,
            min_free_disk_mb=number("OUTCRY_MIN_FREE_DISK_MB", 1024, 0, 1_000_000),
            ready_seconds=number("OUTCRY_READY_SECONDS", 120, 1, 3600),
            auth=auth,
            brokers=brokers,
        )
