"""The recorded market as rows, and as requests."""

import gzip
from pathlib import Path

import msgspec
import pytest

from sim.market_by_order import NoRecording, Row
from sim.plan import ACCOUNTS, Change, account, batches, is_recorded, rest
from sim.recording import COLUMNS, dollars, exact, path, rows, units, volume_text

FEED = """\
1,1000,900,78318.0,1.5,created,bid
2,1001,901,78320.0,1e-08,created,ask
3,1002,902,0.0,0.25,created,ask
1,1003,903,78319.0,1.25,changed,bid
2,1003,903,78320.0,1e-08,deleted,ask
1,1004,904,78318.0,1.0,changed,bid
4,1050,950,78300.0,2.0,created,bid
1,1060,960,78318.0,1.0,deleted,bid
4,1060,960,78300.0,2.0,deleted,bid
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "orders.csv.gz"
    made.write_bytes(gzip.compress(f"{','.join(COLUMNS)}\n{FEED}".encode()))
    return made


def test_rows_are_exact_and_end_before_the_closing_deletes(file: Path) -> None:
    read = rows(file)
    assert len(read) == 7
    assert read[0] == Row("created", "1", 1000, "buy", "78318.00", "1.5")
    assert read[1].volume == "0.00000001"
    assert read[2].price == ""
    assert rows(file, 2) == read[:2]


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(NoRecording, match="columns"):
        rows(other)
    monkeypatch.setenv("OUTCRY_RECORDING", str(tmp_path / "absent"))
    with pytest.raises(NoRecording, match="no such file"):
        path()


@pytest.mark.parametrize(
    ("text", "expected"), [("78318.0", "78318.00"), ("0.0", ""), ("1.25", "1.25"), ("999999999.0", "999999999.00")]
)
def test_prices_are_dollars_and_cents(text: str, expected: str) -> None:
    assert dollars(text) == expected


def test_a_price_with_more_decimals_is_no_price_here() -> None:
    with pytest.raises(ValueError, match="two decimals"):
        dollars("1.234")


def test_volumes_never_pass_through_a_float() -> None:
    assert exact("7.18e-06") == "0.00000718"
    assert units("0.1") == 10_000_000
    assert units(exact("1e-08")) == 1
    assert volume_text(123) == "0.00000123"
    assert volume_text(units("138800.0")) == "138800.00000000"


def test_a_batch_is_cut_before_a_change_that_follows_a_created_order(file: Path) -> None:
    cut = list(batches(rows(file)))
    assert [[row.action for row in batch.rows] for batch in cut] == [
        ["created", "created", "created"],
        ["changed", "deleted", "changed", "created"],
    ]
    assert cut[1].changed() == ["1"]
    assert cut[1].head == [Change("1", 125_000_000), cut[1].head[1], Change("1", 100_000_000)]
    assert [batch.number for batch in cut] == [0, 1]


def test_batches_are_cut_by_count_and_by_time(file: Path) -> None:
    read = rows(file)
    assert [len(batch.rows) for batch in batches(read, most=2)] == [2, 1, 2, 2]
    assert [len(batch.rows) for batch in batches(read, span=40)] == [3, 3, 1]
    assert sum(len(batch.rows) for batch in batches(read, span=1)) == len(read)


def test_bodies_say_what_the_rows_say(file: Path) -> None:
    first, second = batches(rows(file))
    sent = msgspec.json.decode(first.body("BTC-EUR", {}))["orders"]
    assert sent[0] == {
        "op": "place", "product_id": "BTC-EUR", "side": "buy", "type": "limit", "price": "78318.00", "size": "1.5",
        "client_oid": "1", "account": account("1"),
    }  # fmt: skip
    assert sent[2]["type"] == "market"
    assert "price" not in sent[2]
    sent = msgspec.json.decode(second.body("BTC-USD", {"1": 50_000_000}))["orders"]
    assert [item["op"] for item in sent] == ["amend", "cancel", "amend", "place"]
    assert sent[0]["size"] == "1.75000000"
    assert "price" not in sent[0]
    assert sent[1] == {"op": "cancel", "product_id": "BTC-USD", "client_oid": "2", "account": account("2")}


def test_the_rest_of_a_batch_is_its_later_rows(file: Path) -> None:
    _, second = batches(rows(file))
    left = rest(second, 3)
    assert [row.order for row in left.rows] == ["4"]
    assert left.head == []


def test_accounts_are_drawn_evenly_and_known_again() -> None:
    drawn = {account(str(2_002_347_637_329_922 + 4096 * number)) for number in range(20 * ACCOUNTS)}
    assert len(drawn) == ACCOUNTS
    assert all(is_recorded(name) for name in drawn)
    assert not is_recorded("maker-1")
