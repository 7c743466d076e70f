"""Both APIs as one OpenAPI description, for whoever asks either of them at the gateway."""

from typing import Final

import msgspec

from libs.service.openapi import document
from services.order_api import openapi as commands
from services.query_api import openapi as queries

ABOUT: Final = (
    "An exchange in the Coinbase Exchange shape. Every decimal is a string. A 202 means that a request is in the log for "
    "good; what the book says of it is on the read side, which a GET with the answer's `Outcry-Position` waits for. "
    "Errors are `application/problem+json` with a stable `code`."
)


def openapi() -> bytes:
    operations = (*queries.OPERATIONS, *commands.OPERATIONS)
    described = document("Outcry", ABOUT, operations, queries.SCHEMAS | commands.SCHEMAS)
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
