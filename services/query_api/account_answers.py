"""The answers to GET of what an account has: balances, holdings, fees."""

from libs.service.http import Scope
from libs.service.problems import ACCOUNT_NOT_FOUND, Problem
from services.query_api import balances
from services.query_api.requests import asked
from services.query_api.shapes import Account, Fees
from services.query_api.sources import Answer, Sources, answer


class AccountAnswers:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def accounts(self, scope: Scope) -> Answer:
        return answer(await self._accounts(scope))

    async def account(self, scope: Scope, currency: str) -> Answer:
        found = next((each for each in await self._accounts(scope) if each.id == currency), None)
        if found is None:
            raise Problem(ACCOUNT_NOT_FOUND, field="id")
        return answer(found)

    async def holdings(self, scope: Scope) -> Answer:
        request = asked(scope, "account")
        account = request.given.account(request.who) or request.who.account
        await self._sources.project(request)
        return answer(balances.holdings(await self._sources.reads.holdings(account)))

    async def fees(self, scope: Scope) -> Answer:
        asked(scope)
        return answer(Fees())

    async def _accounts(self, scope: Scope) -> list[Account]:
        request = asked(scope, "account")
        account = request.given.account(request.who) or request.who.account
        await self._sources.project(request)
        traded, held = await self._sources.reads.balances(account)
        return balances.accounts(account, traded, held)
