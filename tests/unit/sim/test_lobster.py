"""LOBSTER message files: what they say, what is inferred, and that the replay gives the trades they tell of."""

import asyncio
import gzip
from pathlib import Path

import pytest

from cli.replay import Core, Outcome
from libs.events.events import OrderAccepted, TradeExecuted
from libs.events.values import TradingStatus
from sim.exchange import Exchange
from sim.live import Live
from sim.lobster import Lobster
from sim.market_by_order import BadRow, NoRecording, Row
from sim.plan import account, batches
from sim.products import ensure_listed, listing
from sim.replay import Replay
from sim.sources import opened
from tests.unit.sim.lobster_day import DAY_MS, NAME, Day
from tests.unit.sim.venue import Venue


@pytest.fixture(scope="module")
def day() -> Day:
    made = Day(seed=3, count=2_000)
    assert len(made.trades) > 300
    assert {line.kind for line in made.lines} == {1, 2, 3, 4}
    return made


def written(folder: Path, text: str, name: str = NAME) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def replayed(source: Lobster, most: int = 50) -> Venue:
    """Through the HTTP API of an exchange in memory, with its check at the end."""
    venue = Venue()

    async def scenario() -> None:
        async with Exchange("http://venue", venue.transport) as exchange:
            body = listing(source.product, source.price_increment, source.size_increment)
            await ensure_listed(exchange, source.product, body)
            await Replay(exchange, source.product, list(batches(list(source.rows()), most)), "day").run(None)

    asyncio.run(scenario())
    venue.checked()
    return venue


def trades(venue: Venue) -> list[tuple[str, int, int, int]]:
    names = {event.order_id: event.client_oid for event in venue.events if isinstance(event, OrderAccepted)}
    return [
        (names[event.maker_order_id], event.taker_side, event.price, event.size)
        for event in venue.events
        if isinstance(event, TradeExecuted)
    ]


def resting(venue: Venue) -> list[tuple[str, int, int]]:
    (book,) = venue.engine.state.products.values()
    return [
        (order.client_oid, order.price, order.remaining)
        for ladder in (book.bids, book.asks)
        for level in ladder
        for order in level
    ]


def test_a_replayed_day_has_the_trades_and_the_queues_of_the_real_one(day: Day, tmp_path: Path) -> None:
    source = Lobster(written(tmp_path, day.text()))
    venue = replayed(source)
    assert trades(venue) == day.trades
    assert resting(venue) == day.resting()
    assert source.product == "AAPL-USD"
    assert source.tally["takers inferred from executions"] == len(day.trades)
    assert not source.tally["messages about orders that are not open"]


@pytest.mark.parametrize("skip", [200, 777])
def test_a_file_that_begins_with_orders_in_the_book(day: Day, tmp_path: Path, skip: int) -> None:
    """Of the orders that were there before it, the ones that the file speaks of are known."""
    source = Lobster(written(tmp_path, day.text(skip)))
    venue = replayed(source)
    assert trades(venue) == day.trades_behind(skip)
    assert source.tally["orders inferred that the file never submits"] > 0
    mentioned = {str(line.order) for line in day.lines[skip:]}
    assert {order for order, _, _ in resting(venue)} <= mentioned
    submitted = {str(line.order) for line in day.lines[skip:] if line.kind == 1}
    assert [order for order, _, _ in resting(venue)] == [o for o, _, _ in day.resting() if o in submitted]


def core(file: Path, limit: int | None = None) -> Outcome:
    return Core(opened(file), None).run(limit, Live())


def test_the_engine_alone_gives_the_same_and_always_the_same(day: Day, tmp_path: Path) -> None:
    file = written(tmp_path, day.text())
    first, second = core(file), core(file)
    assert first._replace(seconds=0) == second._replace(seconds=0)
    assert first.trades == len(day.trades)
    assert first.resting == len(day.resting())
    assert first.commands == len(day.lines) + 1
    assert first.rejected == 0
    assert core(file, 500).state_hash != first.state_hash
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / f"{NAME}.gz").write_bytes(gzip.compress(day.text().encode()))
    assert core(packed / f"{NAME}.gz").state_hash == first.state_hash


def test_what_one_line_says(tmp_path: Path) -> None:
    text = (
        "34200.5,1,7,100,5853300,1\n34200.6,2,7,30,5853300,1\n34201,4,7,20,5853300,1\n34201,3,7,50,5853300,1\n"
        "34201,5,0,9,5853400,-1\n34201,6,-1,500,5853400,-1\n34202,1,8,5,5853400,-1\n34202,2,8,5,5853400,-1\n"
    )
    source = Lobster(written(tmp_path, text))
    at = DAY_MS + 34_200_500
    assert list(source.rows()) == [
        Row("created", "7", at, "buy", "585.3300", "100"),
        Row("reduced", "7", at + 100, "buy", "585.3300", "70"),
        Row("taken", "x3", at + 500, "sell", "585.3300", "20"),
        Row("deleted", "7", at + 500, "buy", "585.3300", "50"),
        Row("created", "8", at + 1500, "sell", "585.3400", "5"),
        Row("deleted", "8", at + 1500, "sell", "585.3400", "5"),
    ]
    assert source.tally["hidden executions passed over"] == source.tally["crosses passed over"] == 1
    assert list(source.rows(1)) == [Row("created", "7", at, "buy", "585.3300", "100")]


def test_an_order_that_is_never_submitted_comes_where_its_id_stands(tmp_path: Path) -> None:
    text = "1,1,10,5,1000,1\n2,1,20,5,1000,1\n3,4,15,5,1000,1\n4,3,30,6,2000,-1\n5,4,15,2,1000,1\n"
    rows = list(Lobster(written(tmp_path, text)).rows())
    assert [(row.action, row.order, row.volume) for row in rows] == [
        ("created", "10", "5"),
        ("created", "15", "7"),
        ("created", "20", "5"),
        ("taken", "x3", "5"),
        ("created", "30", "6"),
        ("deleted", "30", "6"),
        ("taken", "x5", "2"),
    ]


HALTED = (
    "1,1,10,5,1000,1\n2,7,0,0,-1,-1\n3,1,11,5,1000,1\n4,7,0,0,0,-1\n5,1,12,5,1000,1\n6,7,0,0,1,-1\n7,4,10,5,1000,1\n"
)


def test_halts_act_when_they_are_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path, HALTED)
    venue = replayed(Lobster(file, halts=True))
    (book,) = venue.engine.state.products.values()
    assert book.product.status is TradingStatus.ONLINE
    assert resting(venue) == [("12", 1000, 5)]
    assert trades(venue) == [("10", 2, 1000, 5)]
    source = Lobster(file)
    assert resting(replayed(source)) == [("11", 1000, 5), ("12", 1000, 5)]
    assert source.tally["halts passed over"] == 3
    assert Core(Lobster(file, halts=True), "X-USD").run(None, Live()).rejected == 1


def test_a_taker_is_never_the_account_of_a_resting_order() -> None:
    resting_accounts = {account(str(number)) for number in range(5_000)}
    assert not resting_accounts & {account(f"x{number}") for number in range(5_000)}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("34200,1,7,100,5853300", "5 columns"),
        ("34200,8,7,100,5853300,1", "'8' is no type"),
        ("34200,1,7,100,5853300,0", "'0' is no direction"),
        ("noon,1,7,100,5853300,1", "'noon' is no time"),
        ("NaN,1,7,100,5853300,1", "not within a day"),
        ("86401,1,7,100,5853300,1", "not within a day"),
        ("34200,1,7,1.5,5853300,1", "'1.5' is no size"),
        ("34200,1,7,0,5853300,1", "size 0 is not above 0"),
        ("34200,3,-4,10,5853300,1", "order id -4 is not above 0"),
        ("34200,7,0,0,5,-1", "says nothing"),
        ("34200,1,7,9999999999999999999,1,1", "is no size"),
    ],
)
def test_a_bad_line_is_named_with_what_to_do(tmp_path: Path, line: str, said: str) -> None:
    file = written(tmp_path, f"34200.1,1,5,10,5853300,1\n{line}\n")
    with pytest.raises(BadRow) as caught:
        list(Lobster(file).rows())
    text = str(caught.value)
    assert text.startswith(f"{NAME} line 2: ")
    assert said in text
    assert "--limit 1 replays what stands before it" in text
    assert [row.order for row in Lobster(file).rows(1)] == ["5"]


def test_files_that_are_no_market(tmp_path: Path) -> None:
    with pytest.raises(NoRecording, match="no file"):
        opened(tmp_path / "absent.csv")
    with pytest.raises(NoRecording, match="no format known here"):
        opened(written(tmp_path, "a,b\n"))
    with pytest.raises(NoRecording, match="no format known here"):
        opened(written(tmp_path, ""))
    whole = gzip.compress(b"34200.1,1,5,10,5853300,1\n" * 10_000)
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(NoRecording, match="cut short or damaged"):
        list(opened(tmp_path / "cut.csv.gz").rows())
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NoRecording, match="no CSV file"):
        opened(tmp_path / "binary")


def test_a_file_without_a_day_in_its_name(tmp_path: Path) -> None:
    source = Lobster(written(tmp_path, "1.5,1,5,10,5853300,1\n", "mine.csv"))
    assert source.product == "LOBSTER-USD"
    assert next(iter(source.rows())).time == 1_500
