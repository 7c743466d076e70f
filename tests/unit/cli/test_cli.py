"""`outcry events tail` on the in-memory log, and what is said to who types it wrong."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from cli.__main__ import main, parser
from cli.addresses import FILE, addresses
from cli.lines import line
from cli.problem import CannotDo
from cli.start import Start, offset, parse
from cli.tail import Wanted, tail
from libs.events import topics
from libs.events.codec import encode
from libs.events.events import AnyEvent, OrderDone, ProductListed
from libs.events.ids import mint
from libs.events.values import DoneReason, Product, Side, TradingStatus
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry

LISTED = {"BTC-USD": (257, 1), "ETH-USD": (256, 0)}
EARLIEST = Start(word="earliest")


def product(name: str) -> Product:
    number, partition = LISTED[name]
    return Product(name, number, partition, name[:3], "USD", 2, 8, 1, 1, TradingStatus.ONLINE)


def events(name: str) -> list[AnyEvent]:
    given = product(name)
    order = mint(1_700_000_000_000, 1, given.number)
    head = (given.number, 1, 1_700_000_000_000_000_123, 0, order, True)
    return [
        ProductListed(1, *head, "op", 0, 4, given),
        OrderDone(2, *head, "", 0, 0, order, Side.BUY, 7_831_800, 150, DoneReason.CANCELED),
    ]


async def filled() -> MemoryLog:
    broker = Broker()
    log = MemoryLog(broker)
    publisher = log.publisher()
    for topic in (topics.ORDER_EVENTS, topics.PRODUCTS):
        broker.create_topic(topic, 2)
    await publisher.start()
    await publisher.publish(topics.PRODUCTS, 0, [Entry(b"_cluster", b"\x92\x01\x08")])
    for name, (_, partition) in LISTED.items():
        await publisher.publish(topics.PRODUCTS, partition, [Entry(name.encode(), encode(product(name)))])
        entries = [Entry(name.encode(), encode(event)) for event in events(name)]
        await publisher.publish(topics.ORDER_EVENTS, partition, entries)
    await publisher.close()
    return log


def shown(product_id: str | None, start: Start, json: bool) -> list[str]:
    async def scenario() -> list[str]:
        found: list[str] = []
        async with asyncio.timeout(10):
            await tail(await filled(), Wanted(product_id, start, json, follow=False), found.append)
        return found

    return asyncio.run(scenario())


def test_all_events_as_json() -> None:
    found = [msgspec.json.decode(text) for text in shown(None, EARLIEST, True)]
    assert len(found) == 4
    assert {(each["event"], each["product_id"]) for each in found} == {
        (kind, name) for kind in ("ProductListed", "OrderDone") for name in LISTED
    }


def test_one_product_for_people() -> None:
    listed, done = shown("BTC-USD", EARLIEST, False)
    assert "ProductListed" in listed
    assert done.startswith("22:13:20.000000 BTC-USD #1 OrderDone ")
    assert "price=78318.00" in done
    assert "reason=canceled" in done
    assert "command_id" not in done


def test_from_an_offset_scales_come_from_the_registry() -> None:
    (done,) = shown("BTC-USD", Start(offset=1), True)
    assert msgspec.json.decode(done)["price"] == "78318.00"


def test_from_the_end_and_from_a_time() -> None:
    assert shown(None, Start(word="latest"), True) == []
    assert len(shown(None, Start(since=0), True)) == 4
    assert shown(None, Start(offset=99), True) == []


def test_a_product_that_was_never_listed_has_a_neighbour() -> None:
    with pytest.raises(CannotDo, match="did you mean BTC-USD"):
        shown("BTCUSD", EARLIEST, True)
    with pytest.raises(CannotDo, match="there are BTC-USD, ETH-USD"):
        shown("XXXXXXXXX", EARLIEST, True)


def test_bisection_finds_the_first_record_since_a_moment() -> None:
    async def scenario() -> tuple[int, int]:
        reader = (await filled()).reader(topics.ORDER_EVENTS)
        await reader.start()
        found = await offset(reader, 1, Start(since=0)), await offset(reader, 1, Start(since=2**60))
        await reader.stop()
        return found

    assert asyncio.run(scenario()) == (0, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("earliest", EARLIEST),
        ("latest", Start(word="latest")),
        ("1200", Start(offset=1200)),
        ("90s", Start(since=910_000)),
        ("2h", Start(since=-6_200_000)),
        ("1970-01-01T00:01:00Z", Start(since=60_000)),
        ("1970-01-01T01:01", Start(since=3_660_000)),
    ],
)
def test_starts(text: str, expected: Start) -> None:
    assert parse(text, 1_000) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "5x", "1.5h", "٣"])
def test_no_starts(text: str) -> None:
    with pytest.raises(ValueError, match="no start"):
        parse(text, 1_000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["evnts"], "did you mean 'events'?"),
        (["events", "tial"], "did you mean 'tail'?"),
        (["zzz"], "there are events, audit, snapshot, keys, dlq, partitions, rebuild, replay, check, traders"),
        (["events", "tail", "--from", "noon"], "30s, 10m"),
        ([], "the log of everything that happened"),
    ],
)
def test_who_types_it_wrong_is_helped(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(given)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_without_an_exchange_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OUTCRY_KAFKA", raising=False)
    monkeypatch.setenv("OUTCRY_DATA_DIR", str(tmp_path))
    assert main(["events", "tail"]) == 1
    assert "make up" in capsys.readouterr().err


def test_addresses_come_from_the_environment_or_the_local_run(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("# a local run\nOUTCRY_KAFKA=127.0.0.1:9\nOUTCRY_POSTGRES=postgresql://x?a=b\n")
    told = {"OUTCRY_DATA_DIR": str(tmp_path)}
    assert addresses(told)["OUTCRY_KAFKA"] == "127.0.0.1:9"
    assert addresses(told)["OUTCRY_POSTGRES"] == "postgresql://x?a=b"
    assert addresses(told | {"OUTCRY_KAFKA": "other:1"})["OUTCRY_KAFKA"] == "other:1"
    assert "OUTCRY_KAFKA" not in addresses({"OUTCRY_DATA_DIR": str(tmp_path / "absent")})


def test_a_line_leaves_out_what_is_empty() -> None:
    text = line({"event": "X", "time": 0, "sequence": 1, "account": "", "post_only": False, "none": None})
    assert text == "00:00:00.000000 - #1 X post_only=no"
