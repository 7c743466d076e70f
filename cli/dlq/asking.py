"""Requests to the operators' endpoints: signed where the environment has a key, else with a role that is believed."""

import getpass
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

import httpx

from cli.problem import CannotDo
from libs.access.caller import ACCOUNT_HEADER, ROLE_HEADER
from sim.settings import Addresses
from sim.signed import from_environment

TIMEOUT_S: Final = 35.0
"""Longer than the exchange takes for a dry run."""
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._:-]")


class Exchange:
    """One command's connection. Raises CannotDo with what the exchange said."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = Addresses.read(environment).url
        self._auth = from_environment(environment)
        self._http = httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_S, auth=self._auth, trust_env=False)

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, query: Mapping[str, object] | None = None) -> httpx.Response:
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        return await self._ask("GET", path, "viewer", params=given)

    async def post(self, path: str, role: str, body: object = None) -> httpx.Response:
        return await self._ask("POST", path, role, json=body)

    async def _ask(self, method: str, path: str, role: str, **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, headers=self._believed(role), **more)
        except httpx.HTTPError as error:
            raise CannotDo(
                f"The exchange at {self._url} does not answer ({type(error).__name__}): start it with `make up`, or set OUTCRY_URL."
            ) from error
        if answer.is_success:
            return answer
        raise CannotDo(_said(answer))

    def _believed(self, role: str) -> dict[str, str]:
        """Where nobody must prove who he is, the audit still names who it was."""
        if self._auth is not None:
            return {}
        return {ROLE_HEADER: role, ACCOUNT_HEADER: _FOREIGN.sub("-", f"cli:{getpass.getuser()}")[:64]}


def _said(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        field = f" ({problem['field']})" if problem.get("field") else ""
        return f"{problem['title']}{field}: {problem['detail']} [{problem['code']}]"
    except (ValueError, KeyError, TypeError):
        return f"The exchange answered {answer.status_code} and no problem: is OUTCRY_URL its address?"
