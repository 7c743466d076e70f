"""Each parameter is taken as it is meant, or refused by name."""

from collections.abc import Callable

import pytest

from libs.access.caller import Caller
from libs.events.values import Side
from libs.read_model.orders import STANDING
from libs.read_model.status import Status
from libs.read_model.trades import MAKER, TAKER, FillCursor
from libs.service.problems import Problem
from services.query_api.parameters import Parameters, fill_cursor_text

KNOWN = frozenset(("limit", "before", "after", "side", "status", "account", "level"))
ANN, OPERATOR = Caller("ann", operator=False), Caller("ann", operator=True)


def given(query: str) -> Parameters:
    return Parameters(query.encode(), KNOWN)


def test_what_is_not_given_has_its_default() -> None:
    nothing = given("")
    assert nothing.limit(50, 100) == 50
    assert nothing.level() == 1
    assert nothing.side() is None
    assert nothing.statuses() == STANDING
    assert nothing.number("before") is None
    assert nothing.account(ANN) == "ann"
    assert nothing.account(OPERATOR) is None


def test_what_is_given_is_taken() -> None:
    assert given("limit=100").limit(50, 100) == 100
    assert given("side=sell").side() is Side.SELL
    assert given("status=done&status=open").statuses() == frozenset((Status.DONE, Status.OPEN))
    assert given("status=done,rejected").statuses() == frozenset((Status.DONE, Status.REJECTED))
    assert given("status=all").statuses() is None
    assert given("account=bob").account(OPERATOR) == "bob"
    assert given("account=ann").account(ANN) == "ann"


@pytest.mark.parametrize("liquidity", [MAKER, TAKER])
def test_a_cursor_of_fills_is_read_as_it_was_written(liquidity: int) -> None:
    cursor = FillCursor(1_790_000_000_000_000_000, 256, 7, liquidity)
    assert given(f"after={fill_cursor_text(cursor)}").fill_cursor("after") == cursor


@pytest.mark.parametrize(
    ("query", "take", "field"),
    [
        ("limit=0", lambda all_: all_.limit(1, 9), "limit"),
        ("limit=10", lambda all_: all_.limit(1, 9), "limit"),
        ("limit=", lambda all_: all_.limit(1, 9), "limit"),
        ("limit=1e3", lambda all_: all_.limit(1, 9), "limit"),
        ("level=0", Parameters.level, "level"),
        ("side=", Parameters.side, "side"),
        ("status=done,", Parameters.statuses, "status"),
        ("status=all,done", Parameters.statuses, "status"),
        ("before=1.5", lambda all_: all_.number("before"), "before"),
        ("before=9999999999999999999.1.1.M", lambda all_: all_.fill_cursor("before"), "before"),
        ("before=1.99999999.1.M", lambda all_: all_.fill_cursor("before"), "before"),
        ("before=zz", lambda all_: all_.order_id("before"), "before"),
        ("account=", lambda all_: all_.account(OPERATOR), "account"),
        ("account=bob", lambda all_: all_.account(ANN), "account"),
    ],
)
def test_what_does_not_fit_is_named(query: str, take: Callable[[Parameters], object], field: str) -> None:
    with pytest.raises(Problem) as raised:
        take(given(query))
    assert raised.value.field == field
    assert 400 <= raised.value.kind.status < 404


@pytest.mark.parametrize(("query", "field"), [("nope=1", "nope"), ("limit=1&limit=1", "limit"), ("x" * 5_000, "")])
def test_an_unknown_or_repeated_parameter_is_refused(query: str, field: str) -> None:
    with pytest.raises(Problem) as raised:
        given(query)
    assert raised.value.field == field
