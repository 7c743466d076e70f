"""What clients are told of their limits, and that a refusal is of the name that went too far alone."""

import asyncio

import pytest

from libs.access.scopes import Scope
from libs.access.settings import AccessSettings
from libs.service.settings import SettingsError, load
from tests.unit.access.world import World, code, world

AWAY = {"redis": "redis://127.0.0.1:1/0"}
"""Then each process counts alone, which is enough here."""


def test_without_limits_nothing_is_told() -> None:
    async def run() -> None:
        async with world("off") as api:
            answer = await api.ask("GET", "/view/1")
            assert not [name for name in answer.headers if "ratelimit" in name]
            assert api.access.limits is None

    asyncio.run(run())


def test_a_key_is_told_its_limit_and_refused_beyond_it() -> None:
    async def run() -> None:
        async with world(limit_key_per_s=2, limit_key_burst=3, **AWAY) as api:
            key, other = await api.key(Scope.VIEW), await api.key(Scope.VIEW)
            told = [await api.signed(key, "GET", "/view/1") for _ in range(4)]
            assert [answer.status_code for answer in told] == [200, 200, 200, 429]
            assert {answer.headers["ratelimit-policy"] for answer in told} == {'"key";q=3;w=2'}
            assert [answer.headers["ratelimit"] for answer in told] == [
                '"key";r=2;t=1',
                '"key";r=1;t=1',
                '"key";r=0;t=2',
                '"key";r=0;t=1',
            ]
            refused = told[-1]
            assert code(refused) == (429, "rate_limited")
            assert (refused.headers["retry-after"], refused.json()["retryable"]) == ("1", True)
            assert "retry-after" not in told[0].headers
            assert (await api.signed(other, "GET", "/view/1")).status_code == 200
            api.clock.advance(0.5)
            assert (await api.signed(key, "GET", "/view/1")).status_code == 200

    asyncio.run(run())


def test_what_proves_nothing_is_counted_by_address_before_it_is_checked() -> None:
    async def run() -> None:
        async with world(limit_address_per_s=1, limit_address_burst=2, **AWAY) as api:
            key = await api.key(Scope.VIEW)
            forged = api.headers(key, "GET", "/elsewhere")
            answers = [await api.ask("GET", "/view/1", b"", forged) for _ in range(3)]
            assert [code(answer)[1] for answer in answers] == ["invalid_signature", "invalid_signature", "rate_limited"]
            assert answers[0].headers["ratelimit"] == '"address";r=1;t=1'
            elsewhere = forged | {"X-Forwarded-For": "9.9.9.9"}
            assert code(await api.ask("GET", "/view/1", b"", elsewhere))[1] == "invalid_signature"

    asyncio.run(run())


def test_both_limits_are_told_together() -> None:
    async def run() -> None:
        given = {"limit_address_per_s": 5, "limit_key_per_s": 4}
        async with world("off", **given, **AWAY) as api:
            answer = await api.ask("GET", "/view/1")
            assert answer.headers["ratelimit-policy"] == '"address";q=5;w=1, "key";q=4;w=1'
            assert answer.headers["ratelimit"] == '"address";r=4;t=1, "key";r=3;t=1'

    asyncio.run(run())


def test_market_data_for_nobody_is_charged_to_the_address_alone() -> None:
    async def run() -> None:
        async with world(limit_address_per_s=5, limit_key_per_s=1, **AWAY) as api:
            for _ in range(5):
                answer = await api.ask("GET", "/public")
                assert answer.status_code == 200
                assert "key" not in answer.headers["ratelimit"]

    asyncio.run(run())


def test_redis_away_degrades_and_nothing_more() -> None:
    async def run() -> None:
        async with world("off", limit_key_per_s=1, **AWAY) as api:
            report = await api.process.health.report()
            assert report.status == "degraded"
            assert [finding.name for finding in report.findings] == ["rate limits"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "given",
    [
        {"OUTCRY_LIMIT_KEY_PER_S": "-1"},
        {"OUTCRY_LIMIT_ADDRESS_BURST": "10000000"},
        {"OUTCRY_TRUSTED_PROXIES": "10.0.0.1/8"},
        {"OUTCRY_TRUSTED_PROXIES": "gateway"},
    ],
)
def test_settings_that_make_no_limit_are_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(given))):
        load(AccessSettings, given)


def test_a_service_without_limits_has_no_redis_for_them() -> None:
    assert World(AccessSettings()).access.buckets is None
