"""`python -m services.query_api.dry_run`: a trial on standard input, its answer on standard output, both JSON."""

import asyncio
import os
import resource
import sys
from typing import Final

import msgspec

from libs.kafka.adapter import KafkaLog
from libs.service.clock import SystemClock
from libs.service.logging import configure
from libs.service.settings import load
from libs.snapshots.opening import opened
from services.query_api.dry_run.deciding import DryRun
from services.query_api.dry_run.settings import DryRunSettings
from services.query_api.dry_run.trial import Trial

NAME: Final = "dry_run"
_MIB: Final = 1024 * 1024


async def main(settings: DryRunSettings, trial: Trial) -> bytes:
    logger = configure(NAME, settings.instance, "error", sys.stderr)
    log, clock = KafkaLog(settings.kafka, f"{settings.cluster}-dry-run"), SystemClock()
    async with opened(settings, log, clock, logger) as snapshots:
        return msgspec.json.encode(await DryRun(log, snapshots, clock).run(trial))


if __name__ == "__main__":
    given = load(DryRunSettings, os.environ)
    resource.setrlimit(resource.RLIMIT_AS, (given.dry_run_memory_mb * _MIB, given.dry_run_memory_mb * _MIB))
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Trial)
    sys.stdout.buffer.write(asyncio.run(main(given, asked)))
