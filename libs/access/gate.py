"""What every HTTP request and every handshake of a socket passes before the service sees it: who sends it, and may he.

The gate is an ASGI application around another. It answers refusals itself; what it lets through has its caller in the
scope, and a body that was signed has been read and is handed on as it was.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from libs.access.addresses import ClientAddresses
from libs.access.caller import NOBODY, Caller, Credential, believed, establish, proven
from libs.access.limits import Ledger, Limits
from libs.access.scopes import Scope, Scopes
from libs.access.signatures import Signatures, Signed, signed
from libs.access.tokens import Tokens, bearer
from libs.service import http, problems
from libs.service.http import App, Header, Message, Receive, Send, read_body, refuse_socket, request_id, respond_problem
from libs.service.metrics import Metrics
from libs.service.problems import Problem

Needs: TypeAlias = Callable[[str, str], Scope | None]
"""Which scope a method on a path needs; None is public."""
BodyLimit: TypeAlias = Callable[[str], int]
"""How many bytes the body of a request to a path may have."""

_HANDSHAKE: Final = "GET"
"""What opens a socket. Its credentials hold for the socket; a feed that is public needs none."""


class Proof(NamedTuple):
    """What credentials prove."""

    account: str
    scopes: Scopes
    credential: Credential


class Checks(NamedTuple):
    """What a gate asks. None where there is nothing to ask."""

    signatures: Signatures | None
    tokens: Tokens | None
    limits: Limits | None
    addresses: ClientAddresses
    required: bool


class Gate:
    """`needs` and `body_limit` are the service's own."""

    def __init__(self, app: App, needs: Needs, body_limit: BodyLimit, checks: Checks, metrics: Metrics) -> None:
        self._app = app
        self._needs = needs
        self._body_limit = body_limit
        self._signatures, self._tokens, self._limits, self._addresses, self._required = checks
        self._metrics = metrics

    async def __call__(self, scope: http.Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        ledger = None if self._limits is None else self._limits.ledger()
        try:
            headers: dict[bytes, bytes] = dict(scope["headers"])
            if ledger is not None:
                await self._charge_address(scope, headers, ledger)
            receive = await self._admitted(scope, headers, receive, ledger)
        except Problem as problem:
            await self._refuse(scope, send, problem, () if ledger is None else ledger.headers())
            return
        await self._app(scope, receive, send if ledger is None else ledger.telling(send))

    async def _charge_address(self, scope: http.Scope, headers: dict[bytes, bytes], ledger: Ledger) -> None:
        """Before anything is checked: checking costs too."""
        assert self._limits is not None, "whoever has a ledger has limits"
        await self._limits.charge_address(self._addresses.of(scope, headers), ledger)

    async def _admitted(
        self, scope: http.Scope, headers: dict[bytes, bytes], receive: Receive, ledger: Ledger | None
    ) -> Receive:
        """Establishes who asks, and returns what the service receives from."""
        given, token = signed(headers), bearer(headers)
        needed = self._needs(scope.get("method", _HANDSHAKE), scope["path"])
        if given is None and token is None:
            who = self._unproven(needed, headers)
            credential = Credential(who.account)
        else:
            if given is not None:
                proof, receive = await self._signed(given, scope, headers, receive)
            else:
                assert token is not None, "there is one or the other"
                proof = await self._token(token)
            who, credential = _permitted(proof, needed, headers), proof.credential
        if ledger is not None and credential.name:
            assert self._limits is not None, "whoever has a ledger has limits"
            await self._limits.charge_key(credential.name, ledger)
        establish(scope, who, credential)
        return receive

    def _unproven(self, needed: Scope | None, headers: dict[bytes, bytes]) -> Caller:
        if not self._required:
            return believed(headers)
        if needed is not None:
            raise Problem(problems.AUTHENTICATION_REQUIRED)
        return NOBODY

    async def _signed(
        self, given: Signed, scope: http.Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[Proof, Receive]:
        if self._signatures is None:
            raise Problem(problems.INVALID_API_KEY, "no API keys are known here", "CB-ACCESS-KEY")
        self._signatures.known(given)
        if scope["type"] == "websocket":
            key = self._signatures.check(given, _HANDSHAKE, _target(scope), b"")
        else:
            body = await read_body(receive, headers, self._body_limit(scope["path"]))
            key = self._signatures.check(given, scope["method"], _target(scope), body)
            receive = _again(body, receive)
        return Proof(key.account, key.scopes, Credential(key.id, key.id)), receive

    async def _token(self, token: bytes) -> Proof:
        if self._tokens is None:
            raise Problem(problems.INVALID_TOKEN, "no issuer of tokens is known here")
        found = await self._tokens.check(token)
        return Proof(found.account, found.scopes, Credential(found.account))

    async def _refuse(self, scope: http.Scope, send: Send, problem: Problem, extra: tuple[Header, ...] = ()) -> None:
        code = problem.kind.code
        self._metrics.counter("problems_total", "Errors answered, by code", code=code).value += 1
        if scope["type"] == "websocket":
            await refuse_socket(scope, send, problem, extra)
            return
        await respond_problem(send, problem, request_id(scope["headers"]), extra)


def _permitted(proof: Proof, needed: Scope | None, headers: dict[bytes, bytes]) -> Caller:
    if needed is not None and needed not in proof.scopes:
        raise Problem(problems.INSUFFICIENT_SCOPE, f"this needs the scope {needed}")
    return proven(proof.account, proof.scopes, headers)


def _target(scope: http.Scope) -> bytes:
    """Path and query as they stand in the request line."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that has been read, once more; then whatever else comes."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
