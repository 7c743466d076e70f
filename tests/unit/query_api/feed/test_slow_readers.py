"""Whoever does not read is left out and told so, or hung up on; never silently, and nobody else notices."""

from typing import Any

from services.query_api.feed.channels import Channel
from sim.rebuilding import LevelsBook
from tests.unit.query_api.feed.stage import PRODUCT, Client, FeedStage
from tests.unit.query_api.feed.test_books import fed, same_levels


def behind(stage: FeedStage, client: Client) -> None:
    """Go on until it lags."""
    while not client.session.lags:
        stage.go_on(20)
    stage.feed.look_at_slow(0.0)


def resyncs(stage: FeedStage) -> dict[str, float]:
    families = {metric.name: metric for metric in stage.process.metrics.collect()}
    return {sample.labels["reason"]: sample.value for sample in families["feed_resyncs"].samples}


def test_who_catches_up_is_told_and_begins_anew() -> None:
    stage = FeedStage(feed_socket_bytes=10_000)
    slow, quick = stage.client(), stage.client()
    books = LevelsBook(PRODUCT), LevelsBook(PRODUCT)
    for client, book in ((slow, books[0]), (quick, books[1])):
        for message in client.subscribe("level2"):
            book.take(message)
    while not slow.session.lags:
        stage.go_on(20)
        fed(quick, books[1])
    stage.feed.look_at_slow(0.0)
    most = slow.wire.waiting
    stage.go_on(20)
    fed(quick, books[1])
    assert slow.wire.waiting == most
    fed(slow, books[0])
    assert not same_levels(stage, books[0])
    stage.feed.look_at_slow(1.0)
    fed(slow, books[0])
    assert (books[0].resyncs, same_levels(stage, books[0])) == (1, True)
    stage.go_on(20)
    fed(slow, books[0])
    fed(quick, books[1])
    assert same_levels(stage, books[0])
    assert (books[1].resyncs, same_levels(stage, books[1])) == (0, True)
    assert resyncs(stage) == {"slow_reader": 1, "hung_up": 0, "partition_stopped": 0}


def test_every_channel_of_which_something_is_made_tells_its_hole() -> None:
    stage = FeedStage(feed_socket_bytes=10_000)
    client = stage.client(account="account-1")
    client.subscribe(*(channel.value for channel in Channel))
    behind(stage, client)
    client.wire.read()
    stage.feed.look_at_slow(1.0)
    told: list[dict[str, Any]] = client.wire.read()
    holes = [message for message in told if message["type"] == "resync"]
    assert [message["channel"] for message in holes] == ["level2", "level2_batch", "full", "matches", "user"]
    assert {message["sequence"] for message in holes} == {stage.book.sequence}
    assert [message["type"] for message in told].count("snapshot") == 2


def test_who_does_not_catch_up_in_time_is_hung_up_on() -> None:
    stage = FeedStage(feed_socket_bytes=10_000, feed_stall_ms=3_000)
    client = stage.client()
    client.subscribe("full")
    behind(stage, client)
    stage.feed.look_at_slow(2.9)
    assert client.wire.is_open
    stage.feed.look_at_slow(3.1)
    assert client.wire.closed == (1013, "slow_reader")
    assert resyncs(stage)["hung_up"] == 1


def test_a_setting_hangs_up_at_once() -> None:
    stage = FeedStage(feed_socket_bytes=10_000, feed_overflow="close")
    client = stage.client()
    client.subscribe("full")
    behind(stage, client)
    assert client.wire.closed == (1013, "slow_reader")


def test_who_speaks_and_does_not_read_is_hung_up_on() -> None:
    stage = FeedStage(feed_socket_bytes=10_000)
    client = stage.client()
    client.subscribe("full")
    behind(stage, client)
    client.feed.take(client.session, '{"type":"subscribe","channels":["status"]}')
    assert client.wire.closed == (1013, "slow_reader")


def test_a_partition_that_stops_is_told_and_ends_its_subscriptions() -> None:
    stage = FeedStage()
    client = stage.client()
    client.subscribe("level2", "full", "status")
    stage.traffic.run(30)
    del stage.traffic.events[-2]
    stage.follow()
    told = client.wire.read()
    assert [(message["channel"], message["reason"]) for message in told if message["type"] == "resync"] == [
        ("level2", "partition_stopped"),
        ("full", "partition_stopped"),
    ]
    (error,) = client.subscribe("level2")
    assert error["code"] == "not_ready"
    assert client.say(type="unsubscribe", channels=["level2"])[0]["channels"] == [{"name": "status", "product_ids": []}]
