"""Response bodies, built directly: every text in them is of a form that needs no escaping in JSON.

(Ids are hexadecimal, product ids and client_oids are checked, positions are digits.)
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from libs.events.commands import PlaceOrder
from libs.events.ids import text
from libs.service.http import Header
from libs.service.problems import Problem, body
from services.order_api.intake import Result, last_positions
from services.order_api.intents import Taken

POSITION: Final = b"outcry-position"
_JSON: Final[Header] = (b"content-type", b"application/json")
_REPLAYED: Final[Header] = (b"idempotency-replayed", b"true")


def accepted(taken: Taken) -> tuple[list[Header], bytes]:
    """Headers and body of a 202 to one command."""
    headers = [_JSON, (POSITION, taken.position.encode())]
    if taken.replayed:
        headers.append(_REPLAYED)
    pending = ',"status":"pending"' if isinstance(taken.command, PlaceOrder) else ""
    return headers, f"{{{_fields(taken)}{pending}}}".encode()


def results(found: Sequence[Result], identity: str) -> tuple[list[Header], bytes]:
    """Headers and body of an answer with a result an item, in order."""
    items = [_item(result, identity) for result in found]
    headers = [_JSON]
    positions = last_positions(found)
    if positions:
        headers.append((POSITION, positions.encode()))
    return headers, b'{"results":[' + b",".join(items) + b"]}"


def answer(result: Result, request_id: str) -> bytes:
    """Of a socket: as an item of a batch, with the id that the client gave its message."""
    if isinstance(result, Problem):
        return body(result, request_id)
    return b'{"request_id":%b,%b' % (msgspec.json.encode(request_id), _item(result, request_id)[1:])


def _item(result: Result, identity: str) -> bytes:
    if isinstance(result, Problem):
        return body(result, identity)
    replayed = ',"replayed":true' if result.replayed else ""
    return f'{{"status":202,{_fields(result)},"position":"{result.position}"{replayed}}}'.encode()


def _fields(taken: Taken) -> str:
    command = taken.command
    product_id = taken.product_id
    identity = text(command.command_id)
    if isinstance(command, PlaceOrder):
        order_id = identity
    elif command.order_id:
        order_id = text(command.order_id)
    else:
        name = f',"client_oid":"{command.client_oid}"' if command.client_oid else ""
        return f'"command_id":"{identity}","product_id":"{product_id}"{name}'
    name = f'"client_oid":"{command.client_oid}",' if command.client_oid else ""
    return f'"id":"{order_id}","order_id":"{order_id}","command_id":"{identity}",{name}"product_id":"{product_id}"'
