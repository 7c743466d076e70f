"""Times and volumes as they are shown."""

import pytest

from libs.events.events import TradeExecuted
from libs.events.values import Side
from libs.read_model.bootstrap import LastTrade
from services.query_api.texts import iso
from services.query_api.ticker import BUCKET_NS, DAY_NS, Ticker


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_790_000_000_000_000_001, "2026-09-21T14:13:20.000000001Z"),
        (1_790_000_000_999_999_999, "2026-09-21T14:13:20.999999999Z"),
    ],
)
def test_times_lose_no_digit(time: int, text: str) -> None:
    assert iso(time) == text


def trade(time: int, size: int) -> TradeExecuted:
    return TradeExecuted(
        1, 256, 1, time, 1, b"", True, "", 0, 0, 1, b"m", b"t", "a", "b", Side.BUY, 100, size, 0, 0, 0, 0
    )


def test_the_volume_of_a_day_forgets_what_is_older() -> None:
    ticker = Ticker(LastTrade(0, 0, 0))
    ticker.add(0, 5)
    ticker.traded(trade(2 * BUCKET_NS, 7))
    ticker.traded(trade(2 * BUCKET_NS + 1, 8))
    assert ticker.last == LastTrade(100, 8, 2 * BUCKET_NS + 1)
    assert ticker.volume(DAY_NS) == 20
    assert ticker.volume(DAY_NS + 2 * BUCKET_NS) == 15
    assert ticker.volume(2 * DAY_NS + 3 * BUCKET_NS) == 0
