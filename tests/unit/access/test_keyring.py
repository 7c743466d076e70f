"""Every process follows the topic: a key comes through, its end too, and nothing brings an ended key back."""

import asyncio

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from libs.access.audit import Deed, decode_deed
from libs.access.desk import NoSuchKey
from libs.access.keyring import KeyRing
from libs.access.keys import encode_key, new_key, revoked
from libs.access.scopes import Scope
from libs.access.sealing import Sealer
from libs.access.sealing import new_key as new_sealing_key
from libs.events.topics import API_KEYS, OPERATOR_AUDIT
from libs.kafka.ports import Entry
from tests.unit.access.world import SEALING, World, code, world

SEALER = Sealer.parse(SEALING)


def ring() -> KeyRing:
    structlog.reset_defaults()  # whatever another test has configured
    return KeyRing(SEALER, structlog.get_logger())


def test_a_revocation_is_final() -> None:
    keys = ring()
    record, _ = new_key(SEALER, "ann", [Scope.VIEW], created=1)
    written = encode_key(record)
    keys.take(record.id, written)
    assert keys.find(record.id) is not None
    for end in (encode_key(revoked(record, 2)), None):
        keys.take(record.id, end)
        assert keys.find(record.id) is None
        keys.take(record.id, written)
        assert keys.find(record.id) is None


def test_a_record_under_another_name_is_no_key() -> None:
    keys = ring()
    record, _ = new_key(SEALER, "ann", [Scope.VIEW], created=1)
    keys.take("0" * 32, encode_key(record))
    assert len(keys) == 0


def test_what_cannot_be_used_is_told_and_leaves_the_others_alone() -> None:
    keys = ring()
    good, _ = new_key(SEALER, "ann", [Scope.VIEW], created=1)
    foreign, _ = new_key(Sealer.parse(new_sealing_key()), "bob", [Scope.OPERATE], created=1)
    with capture_logs() as told:
        keys.take("garbage", b"\xc1")
        keys.take(foreign.id, encode_key(foreign))
        keys.take(good.id, encode_key(good))
    assert [each["key"] for each in told] == ["garbage", foreign.id]
    assert (len(keys), keys.find(foreign.id)) == (1, None)


def test_a_key_is_known_and_revoked_while_the_process_runs() -> None:
    async def run() -> None:
        async with world() as api:
            key, other = await api.key(Scope.TRADE), await api.key(Scope.TRADE)
            assert (await api.signed(key, "POST", "/trade/1")).status_code == 200
            await api.desk.revoke(key.id)
            await api.known(key.id, yes=False)
            assert code(await api.signed(key, "POST", "/trade/1")) == (401, "invalid_api_key")
            assert (await api.signed(other, "POST", "/trade/1")).status_code == 200

    asyncio.run(run())


def test_the_log_away_leaves_the_keys_and_reading_anew_revives_none() -> None:
    async def run() -> None:
        async with world() as api:
            good, ended = await api.key(Scope.VIEW), await api.key(Scope.VIEW)
            await api.desk.revoke(ended.id)
            await api.known(ended.id, yes=False)
            api.broker.away = True
            api.broker.notify()
            assert (await api.signed(good, "GET", "/view/1")).status_code == 200
            api.broker.away = False
            api.broker.notify()
            newer = await api.key(Scope.VIEW)
            for key, status in ((good, 200), (newer, 200), (ended, 401)):
                assert (await api.signed(key, "GET", "/view/1")).status_code == status

    asyncio.run(run())


def test_before_the_topic_is_read_nobody_is_refused_for_good() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.VIEW)
            fresh = World(api.process.settings)
            answer = await fresh.ask("GET", "/view/1", b"", api.headers(key, "GET", "/view/1"))
            assert code(answer) == (503, "not_ready")
            assert answer.json()["retryable"]
            await fresh.http.aclose()

    asyncio.run(run())


def test_readiness_waits_for_the_keys() -> None:
    async def run() -> None:
        async with world() as api:
            assert "api keys" not in api.process.health.unready_reasons
            fresh = World(api.process.settings)
            fresh.broker.away = True
            running = asyncio.create_task(fresh.access.run(fresh.process.stop))
            while "api keys" not in fresh.process.health.unready_reasons:
                await asyncio.sleep(0)
            fresh.process.stop.set()
            await running
            await fresh.http.aclose()

    asyncio.run(run())


async def audited(api: World) -> list[Deed]:
    reader = api.log.reader(OPERATOR_AUDIT)
    bounds = await reader.bounds(0)
    reader.assign({0: bounds.start})
    return [decode_deed(each.value or b"") for each in (await reader.poll(100, 0.1)).get(0, ())]


def test_every_deed_is_in_the_audit_and_no_secret() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            await api.desk.revoke(key.id)
            await api.desk.revoke(key.id)
            made, ended = await audited(api)
            assert (made.action, made.subject, made.actor) == ("keys.create", key.id, "test")
            assert made.details == {"account": "ann", "scopes": "trade", "label": ""}
            assert (ended.action, ended.subject) == ("keys.revoke", key.id)
            assert key.secret not in repr((made, ended))

    asyncio.run(run())


def test_the_desk_lists_what_was_made_and_refuses_what_is_not_there() -> None:
    async def run() -> None:
        async with world() as api:
            first = await api.key(Scope.TRADE)
            api.clock.advance(1)
            second = await api.key(Scope.OPERATE, account="desk")
            await api.desk.revoke(first.id)
            listed = await api.desk.list()
            assert [(each.id, each.account, bool(each.revoked)) for each in listed] == [
                (first.id, "ann", True),
                (second.id, "desk", False),
            ]
            with pytest.raises(NoSuchKey):
                await api.desk.revoke("0" * 32)

    asyncio.run(run())


def test_a_forged_record_makes_no_key() -> None:
    """Who can write the topic, and does not have the sealing key, cannot widen a key."""

    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.VIEW)
            (record,) = await api.desk.list()
            forged = encode_key(msgspec.structs.replace(record, scopes=("operate",)))
            await api.log.publisher().publish(API_KEYS, 0, [Entry(key.id.encode(), forged)])
            await api.known(key.id, yes=False)
            assert code(await api.signed(key, "POST", "/operate/1")) == (401, "invalid_api_key")

    asyncio.run(run())
