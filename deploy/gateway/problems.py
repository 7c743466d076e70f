"""What the gateway itself has to say, in the form of both APIs (`libs.service.problems`)."""

from http import HTTPStatus
from typing import Final
from uuid import uuid4

from libs.service.problems import (
    BODY_TOO_LARGE,
    CONTENT_TYPE,
    HEAD_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    OVERLOADED,
    Kind,
    Problem,
    body,
)
from libs.service.problems import REQUEST_TIMEOUT as TIMEOUT

__all__ = [
    "BODY_TOO_LARGE",
    "HEAD_TOO_LARGE",
    "METHOD_NOT_ALLOWED",
    "OVERLOADED",
    "TIMEOUT",
    "Kind",
    "answer",
    "written",
]

_UNKNOWN: Final = "The request may have been taken. Repeat it with the same client_oid or Idempotency-Key: it is never carried out twice."

UNAVAILABLE: Final = Kind(
    "upstream_unavailable", 503, "Service away", "The service behind the gateway is away. Nothing was sent to it.", True
)
READ_LOST: Final = Kind("upstream_lost", 502, "Service lost", "The service hung up before it answered.", True)
WRITE_LOST: Final = Kind("outcome_unknown", 502, "Outcome unknown", f"The service hung up unanswered. {_UNKNOWN}", True)
READ_LATE: Final = Kind("upstream_timeout", 504, "Service too slow", "The service did not answer in time.", True)
WRITE_LATE: Final = Kind("outcome_unknown", 504, "Outcome unknown", f"No answer came in time. {_UNKNOWN}", True)
MALFORMED: Final = Kind("malformed_request", 400, "Malformed request", "The bytes are no valid HTTP/1.1 request.")
TOO_MANY: Final = Kind(
    "too_many_connections", 503, "Too many connections", "The limit of connections is reached.", True
)


def written(kind: Kind, detail: str, *, close: bool, head_only: bool = False) -> bytes:
    """The whole answer; for HEAD its head alone."""
    document = body(Problem(kind, detail), str(uuid4()))
    return answer(kind.status, CONTENT_TYPE, document, close=close, head_only=head_only)


def answer(status: int, content_type: str, content: bytes, *, close: bool, head_only: bool = False) -> bytes:
    """An answer with `content` as its body."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"content-type: {content_type}",
        f"content-length: {len(content)}",
        f"connection: {'close' if close else 'keep-alive'}",
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append("retry-after: 1")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("allow: GET, HEAD, OPTIONS, POST, PATCH, PUT, DELETE")
    return "\r\n".join((*lines, "", "")).encode() + (b"" if head_only else content)
