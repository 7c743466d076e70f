"""Requests of a load, made before it starts: when its time comes, only a name is put into each.

Orders stand up to 20 ticks around one price per product. Client order ids begin with a tag, which is another one in
each load, so that no request is taken for the repeat of one before.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count, cycle
from typing import Final

from sim import plan, recording
from sim.plan import Batch
from tests.benchmarks.wire import request

MID_CENTS: Final = 7_800_000
REACH: Final = 20
_VARIANTS: Final = 512
_BATCH_VARIANTS: Final = 16
_ACCOUNTS: Final = 1_000
HEADERS: Final = "Content-Type: application/json\r\n"
_HERE, _BEFORE = b"@@@@@@@@", b"########"
_NUMBER: Final = b"##########"
_BACK: Final = 16
"""Batches until an order is cancelled: the book holds what is placed meanwhile."""
_CROSSING: Final = 0.04
_AMEND_EVERY: Final = 250
"""As seldom as in the recording: nearly every command places or cancels."""


_tags = count()


def fresh_tag() -> str:
    """Three characters, never the same twice in one run of the benchmarks."""
    return f"{next(_tags):03x}"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def singles(products: Sequence[str], tag: str) -> Iterator[bytes]:
    """`POST /orders` without end, one product after the other; about half of the orders trade."""
    chance = random.Random(tag)
    parts = cycle([_requested(*_single(products[at % len(products)], tag, chance), chance) for at in range(_VARIANTS)])
    for number, (before, after) in enumerate(parts):
        yield before + b"%010d" % number + after


def single_bodies(products: Sequence[str], tag: str) -> Iterator[bytes]:
    """The bodies alone."""
    chance = random.Random(tag)
    parts = cycle([_single(products[at % len(products)], tag, chance) for at in range(_VARIANTS)])
    for number, (before, after) in enumerate(parts):
        yield before + b"%010d" % number + after


def _single(product: str, tag: str, chance: random.Random) -> tuple[bytes, bytes]:
    """What stands before and after the number of an order in its body."""
    side = chance.choice(("buy", "sell"))
    price = _money(MID_CENTS + chance.randint(-REACH, REACH))
    before = (
        f'{{"product_id":"{product}","side":"{side}","price":"{price}","size":"0.{chance.randint(1, 99):02}",'
        f'"client_oid":"{tag}-'
    )
    return before.encode(), b'"}'


def _requested(before: bytes, after: bytes, chance: random.Random) -> tuple[bytes, bytes]:
    """The same of the whole request, of any account."""
    headers = f"{HEADERS}Outcry-Account: account-{chance.randrange(_ACCOUNTS)}\r\n"
    made = request("POST", "/orders", headers, before + _NUMBER + after)
    start, _, end = made.partition(_NUMBER)
    return start, end


def batch_request(body: bytes) -> bytes:
    return request("POST", "/orders/batch", "Content-Type: application/json\r\nOutcry-Role: operator\r\n", body)


def batches(product: str, items: int, tag: str) -> Iterator[bytes]:
    """`POST /orders/batch` without end: half places, half cancels of what was placed `_BACK` batches before."""
    chance = random.Random(f"{tag}{product}")
    bodies = cycle([_batch(product, items, chance) for _ in range(_BATCH_VARIANTS)])
    for number, body in enumerate(bodies):
        here, before = _name(tag, number), _name(tag, max(0, number - _BACK))
        yield batch_request(body.replace(_HERE, here).replace(_BEFORE, before))


def _name(tag: str, number: int) -> bytes:
    """Eight characters."""
    return f"{tag}{number:05x}".encode()


def _batch(product: str, items: int, chance: random.Random) -> bytes:
    made = [_item(product, at, chance) for at in range(items)]
    return b'{"orders":[' + b",".join(made) + b"]}"


def _item(product: str, at: int, chance: random.Random) -> bytes:
    """Even ones place, odd ones cancel the place before them of an earlier batch, few amend that of their own."""
    kind: Callable[..., str] = _cancel if at % 2 else _place
    if at % _AMEND_EVERY == _AMEND_EVERY - 1:
        kind = _amend
    return kind(product, at, chance).encode()


def _place(product: str, at: int, chance: random.Random) -> str:
    buys = chance.random() < 0.5
    distance = -2 if chance.random() < _CROSSING else chance.randint(1, REACH)
    price = _money(MID_CENTS - distance if buys else MID_CENTS + distance)
    return (
        f'{{"op":"place","product_id":"{product}","side":"{"buy" if buys else "sell"}","type":"limit",'
        f'"price":"{price}","size":"0.{chance.randint(1, 99):02}000000","client_oid":"{_HERE.decode()}-{at}",'
        f'"account":"rec-{at % _ACCOUNTS:03}"}}'
    )


def _cancel(product: str, at: int, _: random.Random) -> str:
    name = f"{_BEFORE.decode()}-{at - 1}"
    return f'{{"op":"cancel","product_id":"{product}","client_oid":"{name}","account":"rec-{(at - 1) % _ACCOUNTS:03}"}}'


def _amend(product: str, at: int, _: random.Random) -> str:
    name, account = f"{_HERE.decode()}-{at - 1}", f"rec-{(at - 1) % _ACCOUNTS:03}"
    return f'{{"op":"amend","product_id":"{product}","client_oid":"{name}","size":"0.005","account":"{account}"}}'


def recorded(product: str) -> Iterator[bytes]:
    """The recorded market on one product, once. Its few amends assume that nothing of the order is filled."""
    for batch in _plan():
        yield batch_request(batch.body(product, dict.fromkeys(batch.changed(), 0)))


@cache
def _plan() -> Sequence[Batch]:
    """Read once for all products."""
    return list(plan.batches(recording.rows(recording.path())))
