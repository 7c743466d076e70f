"""What clients say to the feed, and what they are told: subscriptions, credentials, errors, limits, bad input."""

from typing import Any

import msgspec
import pytest

from libs.access.scopes import Scope
from services.query_api.feed.channels import Channel
from tests.unit.query_api.feed.keys import Keys, keys
from tests.unit.query_api.feed.stage import PRODUCT, Client, FeedStage

MINE, ANOTHERS = "account-1", "account-2"
BY_ORDER = {"received", "open", "done", "change", "activate", "rejected", "match"}


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def refused(client: Client, text: str) -> tuple[str, str | None]:
    (error,) = client.say_text(text)
    assert error["type"] == "error"
    assert error["reason"]
    return error["code"], error["field"]


def test_a_subscription_is_answered_with_all_there_are_and_then_greeted() -> None:
    stage = FeedStage()
    stage.go_on(100)
    client = stage.client()
    answer, snapshot = client.subscribe("level2", "heartbeat")
    assert answer == {
        "type": "subscriptions",
        "channels": [{"name": "level2", "product_ids": [PRODUCT]}, {"name": "heartbeat", "product_ids": [PRODUCT]}],
    }
    assert (snapshot["type"], snapshot["product_id"], snapshot["sequence"]) == (
        "snapshot",
        PRODUCT,
        stage.book.sequence,
    )
    own = [{"name": "ticker", "product_ids": [PRODUCT]}]
    answer, ticker = client.say(type="subscribe", channels=own)
    assert [each["name"] for each in answer["channels"]] == ["level2", "heartbeat", "ticker"]
    assert ticker["best_bid"] == snapshot["bids"][0][0]
    again = client.subscribe("level2")
    assert kinds(again) == ["subscriptions"]


def test_what_is_unsubscribed_is_not_told() -> None:
    stage = FeedStage()
    client, other = stage.client(), stage.client()
    client.subscribe("full", "matches", "level2")
    other.subscribe("full")
    (answer,) = client.say(type="unsubscribe", channels=["full"], product_ids=[PRODUCT, "NO-SUCH"])
    assert [each["name"] for each in answer["channels"]] == ["matches", "level2"]
    (answer,) = client.say(type="unsubscribe", channels=["matches"])
    assert [each["name"] for each in answer["channels"]] == ["level2"]
    stage.go_on(100)
    assert set(kinds(client.wire.read())) == {"l2update"}
    assert client.say(type="unsubscribe", channels=[], product_ids=[])[0]["channels"] == []
    stage.go_on(100)
    assert client.wire.read() == []
    assert "received" in kinds(other.wire.read())


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", "malformed_json", None),
        ("{", "malformed_json", None),
        ("[" * 50_000, "not_an_object", None),
        ('{"type":"subscribe","channels":' + "[" * 50_000, "wrong_type", "channels[0]"),
        ("[]", "not_an_object", None),
        ("null", "not_an_object", None),
        ("{}", "missing_field", "type"),
        ('{"type":"subscribes","channels":[]}', "invalid_value", "type"),
        ('{"type":"subscribe"}', "missing_field", "channels"),
        ('{"type":"subscribe","channels":"level2"}', "wrong_type", "channels"),
        ('{"type":"subscribe","channels":[7]}', "wrong_type", "channels[0]"),
        ('{"type":"subscribe","channels":["level9"],"product_ids":["BTC-USD"]}', "unknown_channel", "channels"),
        ('{"type":"subscribe","channels":["level2"]}', "missing_field", "product_ids"),
        ('{"type":"subscribe","channels":["level2"],"product_ids":["NO-SUCH"]}', "product_not_found", "product_ids"),
        ('{"type":"subscribe","channels":["level2"],"product_ids":[1]}', "wrong_type", "product_ids[0]"),
        ('{"type":"subscribe","channels":["level2"],"product_id":"BTC-USD"}', "unknown_field", "product_id"),
        ('{"type":"subscribe","channels":["user"],"product_ids":["BTC-USD"]}', "authentication_required", "channels"),
        ('{"type":"subscribe","channels":["full"],"product_ids":["BTC-USD"],"key":"x"}', "incomplete_credentials", "signature"),
        ('{"type":"unsubscribe","channels":["nothing"]}', "unknown_channel", "channels"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_and_changes_nothing(text: str, code: str, field: str | None) -> None:
    stage = FeedStage()
    client = stage.client()
    client.subscribe("matches")
    assert refused(client, text) == (code, field)
    (answer,) = client.subscribe("full")
    assert [each["name"] for each in answer["channels"]] == ["matches", "full"]


def test_a_message_is_done_whole_or_not_at_all() -> None:
    client = FeedStage().client()
    assert kinds(client.subscribe("level2", "full", product_ids=[PRODUCT, "NO-SUCH"])) == ["error"]
    assert client.say(type="unsubscribe", channels=["level2"])[0]["channels"] == []


def test_subscriptions_are_limited() -> None:
    client = FeedStage(feed_subscriptions=3).client()
    assert kinds(client.subscribe("full", "matches", "heartbeat")) == ["subscriptions"]
    text = msgspec.json.encode({"type": "subscribe", "channels": ["level2"], "product_ids": [PRODUCT] * 9_000}).decode()
    assert refused(client, text) == ("too_many_subscriptions", "channels")
    client.say(type="unsubscribe", channels=["full"])
    assert kinds(client.subscribe("level2")) == ["subscriptions", "snapshot"]


def test_who_says_too_much_is_hung_up_on() -> None:
    stage = FeedStage(feed_messages_per_s=5)
    client = stage.client()
    for _ in range(2):
        for _ in range(5):
            assert kinds(client.say(type="unsubscribe", channels=[])) == ["subscriptions"]
        stage.clock.advance(1)
    for _ in range(6):
        client.say(type="unsubscribe", channels=[])
    assert client.wire.closed == (1013, "rate_limited")


def test_a_beat_tells_how_far_a_product_is() -> None:
    stage = FeedStage()
    client = stage.client()
    client.subscribe("heartbeat")
    stage.go_on(100)
    stage.feed.beat()
    (heartbeat,) = client.wire.read()
    assert heartbeat["sequence"] == stage.book.sequence
    assert heartbeat["last_trade_id"] == stage.book.trade_id
    assert heartbeat["product_id"] == PRODUCT


def test_status_is_all_products_and_comes_when_one_changes() -> None:
    stage = FeedStage()
    stage.feed.beat()
    client = stage.client()
    answer, status = client.say(type="subscribe", channels=["status"])
    assert answer["channels"] == [{"name": "status", "product_ids": []}]
    assert [product["id"] for product in status["products"]] == [PRODUCT]
    assert status["currencies"] == [{"id": "BTC"}, {"id": "USD"}]
    stage.feed.beat()
    assert client.wire.read() == []
    stage.traffic.limit()
    stage.follow()
    stage.feed.beat()
    (status,) = client.wire.read()
    assert status["products"][0]["max_open_orders"] == (stage.book.product.max_open_orders or None)


def test_the_ticker_tells_every_trade_and_every_change_of_the_best() -> None:
    stage = FeedStage()
    client = stage.client()
    client.subscribe("ticker", "ticker_batch")
    told = 0
    for _ in range(400):
        book = stage.book
        before = (
            book.trade_id,
            *(side.best and (side.best.price, side.best.volume) for side in (book.bids, book.asks)),
        )
        stage.go_on(1)
        after = (book.trade_id, *(side.best and (side.best.price, side.best.volume) for side in (book.bids, book.asks)))
        tickers = client.wire.read()
        assert len(tickers) == (before != after)
        for ticker in tickers:
            told += 1
            assert ticker["sequence"] == book.sequence
            assert ticker.get("trade_id", 0) == book.trade_id
    assert told > 50
    stage.feed.tell_ticker_batches()
    assert len(client.wire.read()) == 1
    stage.feed.tell_ticker_batches()
    assert client.wire.read() == []


def test_matches_have_no_hole_and_begin_with_the_last_one() -> None:
    stage = FeedStage()
    early = stage.client()
    early.subscribe("matches")
    stage.go_on(300)
    seen = early.wire.read()
    assert [each["trade_id"] for each in seen] == list(range(1, stage.book.trade_id + 1))
    _, last = stage.client().subscribe("matches")
    assert last == seen[-1] | {"type": "last_match"}


def test_user_tells_an_accounts_own_orders_and_no_others() -> None:
    stage = FeedStage(keys().signatures)
    mine, anothers, everybody = stage.client(account=MINE), stage.client(account=ANOTHERS), stage.client()
    for client in (mine, anothers):
        client.subscribe("user")
    everybody.subscribe("full", "matches", "level2", "ticker", "status")
    stage.go_on(800)
    for client, account in ((mine, MINE), (anothers, ANOTHERS)):
        told = client.wire.read()
        assert {message["user_id"] for message in told} == {account}
        assert set(kinds(told)) >= BY_ORDER
    public = everybody.wire.read()
    for message in public:
        assert not {"user_id", "profile_id", "client_oid", "stop_price"} & message.keys()
    assert not {"activate", "rejected"} & set(kinds(public))


def test_what_an_iceberg_hides_is_told_to_its_owner_alone() -> None:
    stage = FeedStage()
    owner, everybody = stage.client(account=MINE), stage.client()
    owner.subscribe("user")
    everybody.subscribe("full")
    while not any(
        order.max_floor and order.account == MINE and order.displayed for order in stage.book.orders.values()
    ):
        stage.go_on(1)
    own = {message["order_id"]: message for message in owner.wire.read() if message["type"] == "open"}
    shown = {message["order_id"]: message for message in everybody.wire.read() if message["type"] == "open"}
    assert any(own[name]["remaining_size"] > shown[name]["remaining_size"] for name in own)


class _Signing:
    def __init__(self) -> None:
        self.keys: Keys = keys()
        self.stage = FeedStage(self.keys.signatures)
        self.keys.clock.advance((self.stage.clock.now() - self.keys.clock.now()) / 10**9)


def test_user_is_opened_by_a_signature() -> None:
    signing = _Signing()
    shown = signing.keys.new(MINE, Scope.TRADE)
    client = signing.stage.client()
    (answer,) = client.subscribe("user", credentials=signing.keys.signed(shown))
    assert answer["channels"] == [{"name": "user", "product_ids": [PRODUCT]}]
    signing.stage.go_on(300)
    assert {message["user_id"] for message in client.wire.read()} == {MINE}
    stranger = signing.keys.new(ANOTHERS)
    (error,) = client.subscribe("user", credentials=signing.keys.signed(stranger))
    assert error["code"] == "foreign_account"


@pytest.mark.parametrize("late_s", [31, -31, 86_400, -86_400])
def test_a_signature_of_another_time_opens_nothing(late_s: int) -> None:
    signing = _Signing()
    given = signing.keys.signed(signing.keys.new(MINE), late_s=late_s)
    (error,) = signing.stage.client().subscribe("user", credentials=given)
    assert (error["code"], error["message"]) == ("timestamp_expired", "Authentication Failed")


def test_a_signature_that_is_replayed_later_opens_nothing() -> None:
    signing = _Signing()
    given = signing.keys.signed(signing.keys.new(MINE))
    assert kinds(signing.stage.client().subscribe("user", credentials=given)) == ["subscriptions"]
    signing.keys.clock.advance(31)
    assert kinds(signing.stage.client().subscribe("user", credentials=given)) == ["error"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "no-such-key"}, "invalid_api_key"),
        ({"signature": "AAAA"}, "invalid_signature"),
        ({"passphrase": "other"}, "invalid_passphrase"),
        ({"timestamp": "yesterday"}, "invalid_timestamp"),
        ({"timestamp": 1e300}, "invalid_timestamp"),
    ],
)
def test_credentials_that_do_not_fit_are_named(change: dict[str, object], code: str) -> None:
    signing = _Signing()
    given = signing.keys.signed(signing.keys.new(MINE)) | change
    (error,) = signing.stage.client().subscribe("user", credentials=given)
    assert error["code"] == code


def test_a_signature_of_another_request_opens_nothing() -> None:
    signing = _Signing()
    given = signing.keys.signed(signing.keys.new(MINE), path=b"/orders")
    assert signing.stage.client().subscribe("user", credentials=given)[0]["code"] == "invalid_signature"


def test_a_socket_ends_with_its_key() -> None:
    signing = _Signing()
    shown = signing.keys.new(MINE)
    client, other = signing.stage.client(), signing.stage.client()
    client.subscribe("user", credentials=signing.keys.signed(shown))
    other.subscribe("full")
    signing.stage.feed.beat()
    assert client.wire.is_open
    signing.keys.ring.take(shown.id, None)
    signing.stage.feed.beat()
    assert client.wire.closed == (1008, "invalid_api_key")
    assert other.wire.is_open


def test_a_feed_without_listeners_keeps_nothing() -> None:
    stage = FeedStage()
    clients = [stage.client(account=MINE) for _ in range(3)]
    names = [channel.value for channel in Channel]
    for client in clients:
        client.subscribe(*names)
    stage.go_on(50)
    for client in clients[:2]:
        client.say(type="unsubscribe", channels=names)
    stage.go_on(50)
    assert clients[2].wire.read()
    stage.feed.close(clients[2].session)
    stage.go_on(50)
    stage.feed.beat()
    assert not any(client.wire.read() for client in clients)
