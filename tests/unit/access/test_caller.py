"""Who a request is taken to be from: by its headers where they are believed, by its credentials where it has some."""

import pytest

from libs.access.caller import (
    NOBODY,
    Caller,
    Credential,
    believed,
    caller_in,
    credential_in,
    establish,
    proven,
    require_operator,
    require_role,
)
from libs.access.scopes import ROLES, Scope, scopes_of
from libs.service import problems
from libs.service.problems import Problem

TRADER = scopes_of(["trade"])
OPERATOR = scopes_of(["operate"])
SEES = frozenset({Scope.VIEWER})


def test_headers_that_are_believed() -> None:
    assert believed({}) == Caller("demo", operator=False)
    assert believed({b"outcry-account": b"ann"}) == Caller("ann", operator=False)
    assert believed({b"outcry-role": b"operator"}) == Caller("demo", operator=True, roles=SEES)
    assert believed({b"outcry-role": b"viewer"}) == Caller("demo", operator=False, roles=SEES)
    assert believed({b"outcry-role": b"replayer"}).roles == {Scope.VIEWER, Scope.REPLAYER}
    assert believed({b"outcry-role": b"Editor"}) == Caller("demo", operator=False, roles=ROLES)


@pytest.mark.parametrize("value", [b"", b"a b", b"\xff", b"x" * 65, b"a\r"])
def test_an_account_that_is_none(value: bytes) -> None:
    with pytest.raises(Problem) as refused:
        believed({b"outcry-account": value})
    assert (refused.value.kind, refused.value.field) == (problems.INVALID_ACCOUNT, "Outcry-Account")


def test_roles() -> None:
    with pytest.raises(Problem, match="invalid_role"):
        believed({b"outcry-role": b"king"})
    with pytest.raises(Problem, match="operator_only"):
        require_operator(Caller("ann", operator=False))
    with pytest.raises(Problem, match="role_needed"):
        require_role(Caller("desk", operator=True, roles=SEES), Scope.REPLAYER)
    require_role(Caller("desk", operator=False, roles=ROLES), Scope.EDITOR)
    with pytest.raises(Problem, match="invalid_role"):
        believed({b"outcry-role": b"trade"})


def test_credentials_decide_and_headers_may_only_agree() -> None:
    assert proven("ann", TRADER, {}) == Caller("ann", operator=False)
    assert proven("ann", TRADER, {b"outcry-account": b"ann"}) == Caller("ann", operator=False)
    with pytest.raises(Problem, match="foreign_account"):
        proven("ann", TRADER, {b"outcry-account": b"bob"})
    with pytest.raises(Problem, match="operator_only"):
        proven("ann", TRADER, {b"outcry-role": b"operator"})
    with pytest.raises(Problem, match="role_needed"):
        proven("desk", scopes_of(["replayer"]), {b"outcry-role": b"editor"})


def test_an_operator_may_name_the_account() -> None:
    assert proven("desk", OPERATOR, {}) == Caller("desk", operator=True, roles=SEES)
    acting = proven("desk", OPERATOR, {b"outcry-account": b"bob"})
    assert acting == Caller("bob", operator=True, roles=SEES, acting="desk")
    assert (acting.account, acting.actor) == ("bob", "desk")


def test_a_role_is_no_operator() -> None:
    who = proven("eve", scopes_of(["editor"]), {b"outcry-role": b"replayer"})
    assert who == Caller("eve", operator=False, roles=ROLES)
    with pytest.raises(Problem, match="foreign_account"):
        proven("eve", scopes_of(["editor"]), {b"outcry-account": b"bob"})


def test_what_scopes_include() -> None:
    assert scopes_of(["trade"]) == {Scope.TRADE, Scope.VIEW}
    assert scopes_of(["operate"]) == {Scope.OPERATE, Scope.VIEW, Scope.VIEWER}
    assert scopes_of(["viewer"]) == {Scope.VIEWER, Scope.VIEW}
    assert scopes_of(["replayer"]) == {Scope.REPLAYER, Scope.VIEWER, Scope.VIEW}
    assert scopes_of(["editor"]) == {Scope.EDITOR, Scope.REPLAYER, Scope.VIEWER, Scope.VIEW}
    assert scopes_of(["view"]) == {Scope.VIEW}
    assert scopes_of(["withdraw", ""]) == frozenset()


def test_a_request_that_passed_no_gate_has_no_caller() -> None:
    scope: dict[str, object] = {}
    for wanted in (caller_in, credential_in):
        with pytest.raises(KeyError):
            wanted(scope)
    establish(scope, NOBODY, Credential("ann"))
    assert caller_in(scope) is NOBODY
    assert credential_in(scope) == Credential("ann", key="")
