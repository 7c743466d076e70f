"""Keys at rest: sealed, bound to what they may do, and readable under a new sealing key as long as the old one is given."""

import msgspec
import pytest

from libs.access.keys import API_KEY, StoredKey, as_environment, decode_key, encode_key, new_key, opened, revoked
from libs.access.scopes import Scope, scopes_of
from libs.access.sealing import NotAKey, Sealer, Unopenable
from libs.access.sealing import new_key as new_sealing_key

OLD, NEW = new_sealing_key(), new_sealing_key()
SEALER = Sealer.parse(OLD)


def made(*scopes: Scope) -> StoredKey:
    return new_key(SEALER, "ann", scopes or (Scope.TRADE,), created=1, expires=9, label="bot")[0]


def test_what_is_shown_opens_again_and_stands_nowhere() -> None:
    record, shown = new_key(SEALER, "ann", [Scope.TRADE], created=1)
    written = encode_key(record)
    key = opened(decode_key(written), SEALER)
    assert (key.id, key.account, key.scopes) == (shown.id, "ann", scopes_of(["trade"]))
    assert key.passphrase == shown.passphrase.encode()
    assert len(key.secret) == 64
    assert as_environment(shown)[API_KEY] == shown.id
    for secret in (key.secret, key.passphrase, shown.secret.encode()):
        assert secret not in written


def test_no_two_keys_are_alike() -> None:
    shown = [new_key(SEALER, "ann", [], created=1)[1] for _ in range(20)]
    for values in zip(*shown, strict=True):
        assert len(set(values)) == 20


@pytest.mark.parametrize(
    "change",
    [
        {"account": "bob"},
        {"scopes": ("operate", "trade")},
        {"expires": 0},
        {"created": 2},
        {"id": "0" * 32},
        {"sealed": b""},
        {"sealed": b"x" * 200},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_record_that_was_altered_does_not_open(change: dict[str, object]) -> None:
    with pytest.raises(Unopenable):
        opened(msgspec.structs.replace(made(), **change), SEALER)


def test_the_label_may_change() -> None:
    assert opened(msgspec.structs.replace(made(), label="other"), SEALER).account == "ann"


def test_a_revoked_record_has_no_secret() -> None:
    ended = revoked(made(), 5)
    assert (ended.revoked, ended.sealed, ended.account) == (5, b"", "ann")


def test_a_new_sealing_key_in_front_opens_the_old() -> None:
    record = made()
    both = Sealer.parse(f"{NEW}, {OLD}")
    assert opened(record, both).account == "ann"
    newer = new_key(both, "ann", [], created=1)[0]
    assert opened(newer, Sealer.parse(NEW)).account == "ann"
    with pytest.raises(Unopenable):
        opened(newer, SEALER)


@pytest.mark.parametrize(
    "text",
    ["", "short", "é", NEW[:-4], f"{NEW},", f"{NEW};{OLD}"],
    ids=["nothing", "short", "no base64", "cut", "a comma too many", "a wrong separator"],
)
def test_a_setting_that_is_no_key_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(NotAKey) as refused:
        Sealer.parse(text)
    assert not text or text not in str(refused.value)
