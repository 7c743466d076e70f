"""The archive remembers what a plain dictionary would, however often its rows are numbered, dropped and found slots for."""

import random

import pytest

from libs.book import archive
from libs.book.archive import LAST, SLOTS, Archive
from libs.events.values import NO_ID


@pytest.mark.parametrize("start", [1, LAST - 3_000])
def test_an_archive_is_what_a_plain_dictionary_is(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_SLACK", 50)
    chance, remembers, plain, gone = random.Random(2), Archive(), dict[bytes, int](), list[bytes]()
    remembers._next = remembers._first = start
    for number in range(400):
        new = {chance.randbytes(16): chance.choice((0, chance.getrandbits(64))) for _ in range(chance.randrange(30))}
        remembers.extend(new)
        plain.update(new)
        if number % 3 == 0:
            forgotten = list(plain)[: chance.randrange(1 + len(plain))]
            remembers.forget(len(forgotten))
            gone += forgotten
            for command_id in forgotten:
                del plain[command_id]
        assert (len(remembers), remembers.ids(), remembers.keys()) == (
            len(plain),
            b"".join(plain),
            list(plain.values()),
        )
        assert all(map(remembers.has, plain))
        assert [remembers.user_of(key) for key in plain.values() if key] == [each for each in plain if plain[each]]
    assert not any(map(remembers.has, gone))
    assert remembers.user_of(1) == NO_ID
    assert remembers._next < LAST


def test_ids_and_keys_that_share_a_slot_are_told_apart() -> None:
    remembers = Archive()
    keys = [1 + (at << 32) for at in range(100)]
    commands = {key.to_bytes(16, "big"): key for key in keys}
    remembers.extend(commands)
    assert [remembers.user_of(key) for key in keys] == list(commands)
    assert remembers.user_of(1 + (100 << 32)) == NO_ID


def test_slots_grow_with_the_rows() -> None:
    remembers = Archive()
    ids = [number.to_bytes(16, "big") for number in range(SLOTS[0] + 1)]
    remembers.extend(dict.fromkeys(ids[:-1], 0))
    assert len(remembers._newest_id) == SLOTS[0]
    remembers.extend({ids[-1]: 7})
    assert len(remembers._newest_id) == SLOTS[1]
    assert all(map(remembers.has, ids))
    assert remembers.user_of(7) == ids[-1]
