"""What the gateway itself has to say, as `application/problem+json`."""

import json
from dataclasses import dataclass
from uuid import uuid4


@dataclass(frozen=True)
class Problem:
    """An answer of the gateway's own. `retryable` is true when sending it again is safe and may help."""

    status: int
    phrase: str
    code: str
    message: str
    retryable: bool = False


UNAVAILABLE = Problem(503, "Service Unavailable", "upstream_unavailable", "{} is away; nothing was sent to it.", True)
OVERLOADED = Problem(503, "Service Unavailable", "overloaded", "Too many requests wait for {}; nothing was sent.", True)
READ_LOST = Problem(502, "Bad Gateway", "upstream_lost", "{} hung up before it answered.", True)
WRITE_LOST = Problem(
    502,
    "Bad Gateway",
    "outcome_unknown",
    "{} hung up before it answered: the request may or may not have been taken. "
    "Send it again with the same client_oid or Idempotency-Key to learn which.",
)
READ_LATE = Problem(504, "Gateway Timeout", "upstream_timeout", "{} did not answer in time.", True)
WRITE_LATE = Problem(
    504,
    "Gateway Timeout",
    "outcome_unknown",
    "{} did not answer in time: the request may or may not have been taken. "
    "Send it again with the same client_oid or Idempotency-Key to learn which.",
)
MALFORMED = Problem(400, "Bad Request", "malformed_request", "This is not a valid HTTP/1.1 request.")
METHOD = Problem(405, "Method Not Allowed", "method_not_allowed", "Use GET, HEAD, POST, PUT, PATCH or DELETE.")
TIMEOUT = Problem(408, "Request Timeout", "request_timeout", "The request did not arrive in time.", True)
BODY_TOO_LARGE = Problem(413, "Content Too Large", "body_too_large", "The body is larger than {} bytes.")
HEAD_TOO_LARGE = Problem(431, "Request Header Fields Too Large", "head_too_large", "The headers are too large.")
TOO_MANY = Problem(503, "Service Unavailable", "too_many_connections", "Too many connections are open.", True)


def written(problem: Problem, about: object, *, close: bool, head_only: bool = False) -> bytes:
    """The whole answer. `about` fills the message's blank; `head_only` for HEAD."""
    text = problem.message.format(about)
    body = json.dumps(
        {
            "type": f"urn:outcry:problem:{problem.code}",
            "title": problem.phrase,
            "status": problem.status,
            "code": problem.code,
            "message": text,
            "request_id": str(uuid4()),
            "retryable": problem.retryable,
        }
    ).encode()
    return answer(problem.status, problem.phrase, "application/problem+json", body, close=close, head_only=head_only)


def answer(status: int, phrase: str, kind: str, body: bytes, *, close: bool, head_only: bool = False) -> bytes:
    """An answer with a body."""
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        f"connection: {'close' if close else 'keep-alive'}\r\n"
        + ("retry-after: 1\r\n" if status == 503 else "")
        + "\r\n"
    )
    return head.encode() + (b"" if head_only else body)
