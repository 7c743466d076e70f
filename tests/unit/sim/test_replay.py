"""The replay against an exchange that loses answers: in order, once, and on from where it was."""

import asyncio
import random
from collections.abc import Callable, Coroutine

import pytest

from libs.events.partitioning import home
from libs.events.values import Side
from sim import exchange as client
from sim.check.difference import Difference
from sim.exchange import Exchange, Refused, Unavailable, persistently
from sim.market_by_order import Row
from sim.plan import batches
from sim.products import EIGHT, ensure_listed, listing, names
from sim.receipts import SENT_BEFORE, VOLUME_ZERO, Receipts, kind
from sim.recording import volume_text
from sim.replay import Replay
from tests.unit.sim.venue import PARTITION, Venue

PRODUCT = "BTC-USD"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE_S", 0.0)


def feed(count: int, seed: int = 1) -> list[Row]:
    """A market of its own: orders that cross, change, end, and never were."""
    rng, found, known = random.Random(seed), [], dict[str, int]()
    for number in range(count):
        choice = rng.random()
        if choice < 0.65 or not known:
            order, volume = str(1000 + number), rng.choice((0, 10, 75, 200, 499))
            known[order] = volume
            price = "" if choice < 0.03 else f"{rng.randrange(95, 105)}.00"
            found.append(Row("created", order, number, rng.choice(("buy", "sell")), price, volume_text(volume)))
            continue
        order = rng.choice(list(known))
        if choice < 0.8:
            known[order] = rng.randrange(0, known[order] + 1)
            found.append(Row("changed", order, number, "buy", "100.00", volume_text(known[order])))
        else:
            del known[order]
            found.append(Row("deleted", order, number, "buy", "100.00", "0.0"))
    return found


async def replayed(venue: Venue, rows: list[Row], name: str = "test", most: int = 20) -> Replay:
    async with Exchange("http://venue", venue.transport) as exchange:
        await ensure_listed(exchange, PRODUCT)
        replay = Replay(exchange, PRODUCT, list(batches(rows, most)), name)
        await replay.run(None)
        return replay


def run(work: Coroutine[None, None, Replay]) -> Replay:
    return asyncio.run(work)


def test_every_row_is_sent_once_and_the_check_holds() -> None:
    venue, rows = Venue(), feed(600)
    replay = run(replayed(venue, rows))
    outcomes = venue.checked()
    receipts = replay.receipts
    assert replay.sent == len(rows)
    assert receipts.partition == PARTITION
    assert len(receipts) + receipts.refused[VOLUME_ZERO] == len(rows)
    assert set(receipts.refused) == {VOLUME_ZERO}
    assert [promise.offset for promise in map(receipts.__getitem__, range(len(receipts)))] == list(
        range(1, len(receipts) + 1)
    )
    assert len(next(iter(outcomes.books.values())).trades) > 20
    assert outcomes.rejections


def test_a_changed_order_keeps_what_the_feed_says_remains() -> None:
    venue = Venue()
    rows = [
        Row("created", "1", 0, "sell", "100.00", "1.0"),
        Row("created", "2", 1, "buy", "100.00", "0.3"),
        Row("changed", "1", 2, "sell", "100.00", "0.5"),
    ]
    run(replayed(venue, rows))
    (book,) = venue.checked().books.values()
    assert [size for _, size, _ in book.resting(Side.SELL)] == [50_000_000]


@pytest.mark.parametrize("fault", ["refused connection", "503", "409", "lost answer", "half"])
def test_whatever_becomes_of_an_answer_the_market_is_the_same(fault: str) -> None:
    rows = feed(300)
    calm, troubled = Venue(), Venue(dict.fromkeys((1, 4, 5, 9, 12), fault))
    run(replayed(calm, rows))
    receipts = run(replayed(troubled, rows)).receipts
    assert troubled.records() == calm.records()
    assert len(receipts) == len(troubled.commands) - 1


@pytest.mark.parametrize("sent_before", [40, 137, 299])
def test_it_goes_on_behind_the_last_order_that_is_in(sent_before: int) -> None:
    rows = feed(300)
    whole, halves = Venue(), Venue()
    run(replayed(whole, rows))
    run(replayed(halves, rows[:sent_before]))
    second = run(replayed(halves, rows, "again"))
    assert second.skipped + second.sent == len(rows)
    assert second.skipped >= sent_before * 0.8
    books = [next(iter(venue.checked().books.values())) for venue in (whole, halves)]
    assert [trade[1:4] for trade in books[0].trades] == [trade[1:4] for trade in books[1].trades]
    assert len(books[0].orders) == len(books[1].orders)


def test_what_is_in_already_is_not_sent_again() -> None:
    venue, rows = Venue(), [*feed(200), Row("created", "9", 200, "buy", "1.00", "1.0")]
    run(replayed(venue, rows))
    commands = len(venue.commands)
    again = run(replayed(venue, rows))
    assert len(venue.commands) == commands
    assert (again.sent, again.skipped) == (0, len(rows))


def test_the_recording_gives_refusals_of_known_kinds_only() -> None:
    receipts = Receipts(PRODUCT)
    receipts.add(
        [client.Result(400, code="not_positive", field="size"), client.Result(422, code="idempotency_mismatch")]
    )
    receipts.add([client.Result(400, code="off_tick", field="price")])
    assert receipts.refused == {VOLUME_ZERO: 1, SENT_BEFORE: 1, "400 off_tick price": 1}
    assert kind(client.Result(400, code="not_positive", field="price")) != VOLUME_ZERO


def test_a_product_does_not_change_its_partition() -> None:
    receipts = Receipts(PRODUCT)
    order = "01a1fd63-3cc6-7146-9642-bf7b12000105"
    receipts.add([client.Result(202, command_id=order, position="3:7")])
    assert receipts.position == "3:7"
    with pytest.raises(Refused, match="partition"):
        receipts.add([client.Result(202, command_id=order, position="4:8")])


def test_trying_again_has_an_end() -> None:
    async def away() -> None:
        raise Unavailable("planned")

    with pytest.raises(Unavailable):
        asyncio.run(persistently(away, 0.01))


def test_product_names_are_stable_and_eight_of_them_lie_apart() -> None:
    assert names(1) == [PRODUCT]
    assert {home(name, 8) for name in EIGHT} == set(range(8))
    assert len(set(names(64))) == 64
    assert b'"quote_currency":"EUR"' in listing("BTC-EUR")
    with pytest.raises(ValueError, match="65"):
        names(65)


Tampering = Callable[[Venue], None]


def _drop_event(venue: Venue) -> None:
    del venue.events[50]


def _repeat_event(venue: Venue) -> None:
    venue.events.insert(50, venue.events[50])


def _drop_outcome(venue: Venue) -> None:
    venue.commands.insert(40, venue.commands[40])


def _swap_commands(venue: Venue) -> None:
    venue.commands[40], venue.commands[41] = venue.commands[41], venue.commands[40]


@pytest.mark.parametrize("tamper", [_drop_event, _repeat_event, _drop_outcome, _swap_commands])
def test_the_check_sees_a_log_that_was_tampered_with(tamper: Tampering) -> None:
    venue = Venue()
    run(replayed(venue, feed(200)))
    tamper(venue)
    with pytest.raises(Difference):
        venue.checked()
