"""Logs are JSON lines on stdout, one object each, by structlog; what libraries log through `logging` looks the same.

debug is per command, info per batch of consequence and life cycle, warning needs a look, error needs a person.
"""

import logging
import sys
from typing import Final, TextIO, TypeAlias

import msgspec
import structlog
from structlog.typing import EventDict, Processor

Log: TypeAlias = structlog.typing.FilteringBoundLogger

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_QUIET: Final = ("aiokafka", "uvicorn", "sqlalchemy", "asyncio")
"""Libraries whose informations are noise: only their warnings are passed on."""
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
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    log: Log = structlog.get_logger().bind(service=service, instance=instance)
    return log


def _library_formatter(service: str, instance: str, renderer: Processor) -> logging.Formatter:
    def name_origin(_logger: object, _method: str, event: EventDict) -> EventDict:
        record = event.get("_record")
        origin = record.name if isinstance(record, logging.LogRecord) else ""
        return {**event, "service": service, "instance": instance, "logger": origin}

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[name_origin, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
