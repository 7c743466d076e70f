"""Whatever is sent, the answer is one of ours, and what is refused does not reach the log."""

import random
import string

import httpx
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.commands import PlaceOrder
from libs.events.values import TimeInForce
from libs.service.problems import Problem
from services.order_api import requests
from services.order_api.building import Builder
from services.order_api.minting import Mint
from services.order_api.requests import Place
from tests.unit.order_api.exchange import BTC, OPERATOR, ORDER, Exchange, with_exchange

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_DECIMAL_LIKE = st.text(alphabet=string.digits + ".-+eE _٣", max_size=45) | st.text(max_size=8)
_FIELDS = st.sampled_from([*sorted(ORDER), *Place.__struct_fields__, "op", "nothing"])
_WORDS = st.sampled_from(
    [
        "market",
        "stop",
        "stop_limit",
        "loss",
        "entry",
        "buy",
        "sell",
        "GTC",
        "GTD",
        "GTT",
        "IOC",
        "FOK",
        "dc",
        "cb",
        "min",
    ]
)
_TIME_LIKE = st.datetimes().map(lambda time: f"{time.isoformat()}Z") | st.just("2026-07-01T12:00:00Z")
_CHANGES = st.dictionaries(_FIELDS, _JSON | _DECIMAL_LIKE | _WORDS | _TIME_LIKE, max_size=6)
_encode = msgspec.json.Encoder().encode


class _Clock:
    def now(self) -> int:
        return 1_700_000_000_000_000_000


_builder = Builder(Mint(_Clock(), random.Random(1).getrandbits), "outcry")


def _refused(problem: Problem) -> None:
    assert problem.kind.status == 400


@given(st.binary(max_size=200))
def test_bytes_are_an_order_or_a_problem(body: bytes) -> None:
    for decode in (
        requests.place, requests.amend, requests.cancel_all_after, requests.list_product, requests.update_product,
        requests.status,
    ):  # fmt: skip
        try:
            decode(body)
        except Problem as problem:
            _refused(problem)


@given(_JSON)
def test_json_is_a_batch_or_a_problem(value: object) -> None:
    for body in (_encode(value), _encode({"orders": value}), _encode({"orders": [value, ORDER | {"op": "place"}]})):
        try:
            items = requests.batch(body, 500)
        except Problem as problem:
            _refused(problem)
        else:
            assert items


@given(_CHANGES)
def test_an_order_that_is_let_through_is_well_formed(changes: dict[str, object]) -> None:
    try:
        intent = _builder.place(requests.place(_encode(ORDER | changes)), BTC, "ann", "")
    except Problem as problem:
        _refused(problem)
        return
    command = intent.command
    assert isinstance(command, PlaceOrder)
    numbers = (command.price, command.size, command.funds, command.stop_price, command.max_floor, command.expire_time)
    assert all(0 <= value < 2**62 for value in numbers)
    assert command.price % BTC.quote_increment == command.stop_price % BTC.quote_increment == 0
    assert command.size % BTC.base_increment == command.max_floor % BTC.base_increment == 0
    assert (command.time_in_force is TimeInForce.GTD) is (command.expire_time > 0)
    assert not (command.post_only and command.stop_price)
    assert bool(command.size) is not bool(command.funds)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["/orders", "/orders/batch", "/products"]), _CHANGES), max_size=8))
def test_the_whole_front_answers_and_logs_what_it_took(bodies: list[tuple[str, dict[str, object]]]) -> None:
    async def scenario(exchange: Exchange) -> None:
        taken = 0
        for path, changes in bodies:
            body = {"orders": [ORDER | {"op": "place"} | changes]} if "batch" in path else ORDER | changes
            answer = await exchange.ask("POST", path, _encode(body), **OPERATOR)
            assert answer.status_code in {200, 202, 400, 404, 409, 422}
            taken += _taken(answer)
        assert len(await exchange.commands()) == taken

    with_exchange(scenario, product_wait_ms=1)


def _taken(answer: httpx.Response) -> int:
    """How many commands an answer says are newly in the log."""
    if answer.status_code == 200:
        return sum(each["status"] == 202 and not each.get("replayed") for each in answer.json()["results"])
    return int(answer.status_code == 202 and "idempotency-replayed" not in answer.headers)
