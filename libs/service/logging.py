"""Logs are JSON lines on stdout, one object each, by structlog; what libraries log through `logging` looks the same.

debug is per command, info per batch of consequence and life cycle, warning needs a look, error needs a person. What a
library says again and again is said once a second, with how often.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO, TypeAlias

import msgspec
import structlog
from structlog.typing import EventDict, Processor

Log: TypeAlias = structlog.typing.FilteringBoundLogger

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_QUIET: Final = ("aiokafka", "uvicorn", "sqlalchemy", "asyncio")
"""Libraries whose informations are noise: only their warnings are passed on."""
_AGAIN_AFTER_S: Final = 1.0
_json: Final = msgspec.json.Encoder(enc_hook=str)


def _render(event: EventDict, **_options: object) -> str:
    return _json.encode(event).decode()


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


class Seldom(logging.Filter):
    """Lets a message of a library through once a second, however often it comes; `repeated` says how many were left out.

    A client whose server is away says so at every try, some hundred times a second, and would fill the disk by it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._due: dict[tuple[str, int, str], float] = {}
        """By what it says, its arguments apart: as many as there are such lines in the code of libraries."""
        self._left_out: dict[tuple[str, int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        message = (record.name, record.lineno, record.levelname)
        now = self._clock()
        if now < self._due.get(message, now):
            self._left_out[message] = self._left_out.get(message, 0) + 1
            return False
        self._due[message] = now + _AGAIN_AFTER_S
        record.repeated = self._left_out.pop(message, 0)
        return True


def configure(service: str, instance: str, level: str, stream: TextIO = sys.stdout) -> Log:
    """Set the process's logging up, once, and give the logger everything hangs on."""
    number = _LEVELS[level]
    renderer = structlog.processors.JSONRenderer(serializer=_render)
    structlog.configure(
        processors=[*_shared(), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_library_formatter(service, instance, renderer))
    handler.addFilter(Seldom())
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    log: Log = structlog.get_logger().bind(service=service, instance=instance)
    return log


def _library_formatter(service: str, instance: str, renderer: Processor) -> logging.Formatter:
    def name_origin(_logger: object, _method: str, event: EventDict) -> EventDict:
        record = event.get("_record")
        named = {**event, "service": service, "instance": instance, "logger": getattr(record, "name", "")}
        repeated = getattr(record, "repeated", 0)
        return {**named, "repeated": repeated} if repeated else named

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[name_origin, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
