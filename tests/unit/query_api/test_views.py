"""Rows as JSON: every field of an order in the exchange's words, and what does not apply left out."""

from decimal import Decimal

from libs.access.caller import Caller
from libs.events.events import OrderAmended, SelfTradePrevented
from libs.events.values import (
    DoneReason,
    OrderType,
    Product,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradingStatus,
)
from libs.read_model.connect import Uuid
from libs.read_model.orders import OrderRow
from libs.read_model.status import Status
from services.query_api import views

NOON = 1_782_907_200_000_000_000
ROW = OrderRow(
    Uuid(bytes(16)), 257, "ann", "a-1", Side.SELL, OrderType.LIMIT, TimeInForce.GTC, False, 10_005, 500, 300, 150,
    Decimal(1_500_750), 0, Status.OPEN, None, None, None, None, None, NOON, NOON, None, 3, 9, 300, 0, 0, 0, 0,
    SelfTradePrevention.DC, "BTC-USD", 2, 3,
)  # fmt: skip
ABSENT = {"stop", "stop_price", "max_floor", "expire_time", "displayed_size", "prevented_size", "done_reason"}


def test_a_plain_order_has_no_fields_of_other_kinds() -> None:
    view = views.order(ROW)
    assert not ABSENT & view.keys()
    assert (view["type"], view["time_in_force"], view["stp"], view["status"]) == ("limit", "GTC", "dc", "open")


def test_a_stop_that_waits() -> None:
    view = views.order(ROW._replace(status=Status.ACTIVE, stop_price=9_900, displayed=0))
    assert (view["status"], view["type"], view["stop"], view["stop_price"]) == ("active", "limit", "loss", "99.00")
    assert views.order(ROW._replace(side=Side.BUY, stop_price=9_900))["stop"] == "entry"


def test_an_iceberg_that_ends_by_itself_and_met_its_own_account() -> None:
    row = ROW._replace(
        time_in_force=TimeInForce.GTD, expire_time=NOON + 1, max_floor=100, displayed=80, taken_off=50, stp=4,
        status=Status.DONE, done_reason=DoneReason.EXPIRED,
    )  # fmt: skip
    view = views.order(row)
    assert (view["time_in_force"], view["expire_time"]) == ("GTD", "2026-07-01T12:00:00.000000001Z")
    assert (view["max_floor"], view["displayed_size"], view["remaining_size"]) == ("0.100", "0.080", "0.300")
    assert (view["prevented_size"], view["stp"], view["done_reason"]) == ("0.050", "cb", "expired")


def test_the_limits_of_a_product() -> None:
    plain = Product("BTC-USD", 257, 1, "BTC", "USD", 2, 3, 1, 1, TradingStatus.ONLINE)
    view = views.product(plain)
    assert (view["price_collar"], view["reference_price"], view["max_open_orders"]) == (None, None, None)
    limited = Product("BTC-USD", 257, 1, "BTC", "USD", 2, 3, 1, 1, TradingStatus.ONLINE, 0, 0, 0, 250, 10_000, 7)
    view = views.product(limited)
    assert (view["price_collar"], view["reference_price"], view["max_open_orders"]) == (250, "100.00", 7)


def test_the_amounts_of_events_have_their_scales() -> None:
    head = (5, 257, 4, NOON, 9, bytes(16), True, "ann", 0, 0)
    amended = OrderAmended(*head, bytes(16), Side.SELL, 10_005, 500, 300, 0, False, 100, 9_900, NOON)
    view = views.event(amended, ROW, Caller("ann", False))
    assert (view["max_floor"], view["stop_price"]) == ("0.100", "99.00")
    assert (view["expire_time"], view["kept_place"]) == ("2026-07-01T12:00:00.000000000Z", False)
    prevented = SelfTradePrevented(
        *head, bytes(16), bytes(16), SelfTradePrevention.DC, Side.BUY, 10_005, 50, 250, 100, 0, 0
    )
    view = views.event(prevented, ROW, Caller("ann", False))
    assert (view["mode"], view["size"], view["maker_displayed"]) == ("dc", "0.050", "0.100")
