"""What a client builds of the feed is the book, at every command: levels, orders in their queues, trades."""

import msgspec
import pytest

from services.query_api.books import encoded
from sim.rebuilding import LevelsBook, OrdersBook
from tests.unit.query_api.feed.stage import PRODUCT, Client, FeedStage

LEVELS, ORDERS = 2, 3


def rest(stage: FeedStage, level: int) -> dict[str, object]:
    """What `GET /products/{id}/book` answers."""
    book = stage.live.book(stage.live.lives(PRODUCT)[-1])
    assert book is not None
    answer: dict[str, object] = msgspec.json.decode(encoded(book, level, 0))
    return answer


def same_levels(stage: FeedStage, book: LevelsBook) -> bool:
    answer = rest(stage, LEVELS)
    sides = {name: [level[:2] for level in answer[name]] for name in ("bids", "asks")}  # type: ignore[attr-defined]
    return book.sequence == answer["sequence"] and sides == {name: book.levels(name) for name in sides}


def same_orders(stage: FeedStage, book: OrdersBook) -> bool:
    answer = rest(stage, ORDERS)
    return book.sequence == answer["sequence"] and all(book.orders(name) == answer[name] for name in ("bids", "asks"))


def fed(client: Client, *books: LevelsBook | OrdersBook) -> int:
    messages = client.wire.read()
    for message in messages:
        for book in books:
            book.take(message)
    return len(messages)


def test_levels_are_rests_after_every_command() -> None:
    stage = FeedStage()
    stage.go_on(200)
    client, book = stage.client(), LevelsBook(PRODUCT)
    _, snapshot = client.subscribe("level2")
    book.take(snapshot)
    assert same_levels(stage, book)
    for _ in range(1_500):
        stage.go_on(1)
        fed(client, book)
        assert same_levels(stage, book)
    assert book.updates > 400


def test_batches_are_levels_too_whenever_one_begins() -> None:
    stage = FeedStage()
    first, second = stage.client(), stage.client()
    books = LevelsBook(PRODUCT), LevelsBook(PRODUCT)
    books[0].take(first.subscribe("level2_batch")[1])
    for stretch in range(60):
        stage.go_on(10)
        if stretch == 30:
            books[1].take(second.subscribe("level2_batch")[1])
            assert same_levels(stage, books[1])
        stage.feed.tell_batches()
        fed(first, books[0])
        assert same_levels(stage, books[0])
    fed(second, books[1])
    assert same_levels(stage, books[1])
    assert books[0].updates <= 62


def test_every_public_fact_is_one_message_and_makes_the_orders() -> None:
    stage = FeedStage()
    stage.go_on(100)
    client, book = stage.client(), OrdersBook(PRODUCT)
    client.subscribe("full")
    stage.go_on(50)
    fed(client, book)
    book.begin(rest(stage, ORDERS))
    for _ in range(1_500):
        stage.go_on(1)
        fed(client, book)
        assert same_orders(stage, book)
    assert book.facts > 900


def test_a_book_that_is_fetched_later_joins_what_came_before() -> None:
    stage = FeedStage()
    client, book = stage.client(), OrdersBook(PRODUCT)
    client.subscribe("full")
    stage.go_on(40)
    answer = rest(stage, ORDERS)
    stage.go_on(40)
    fed(client, book)
    assert book.first_kept is not None
    book.begin(answer)
    assert same_orders(stage, book)


@pytest.mark.parametrize("without", [1, 2, 3])
def test_half_a_command_is_not_told(without: int) -> None:
    stage = FeedStage()
    client, book = stage.client(), LevelsBook(PRODUCT)
    for message in client.subscribe("level2", "full"):
        book.take(message)
    orders = OrdersBook(PRODUCT)
    orders.begin(rest(stage, ORDERS))
    while len(stage.traffic.run(1)) <= without:
        pass
    stage.follow(without=without)
    fed(client, book, orders)
    assert same_levels(stage, book)
    assert same_orders(stage, orders)
    stage.follow()
    fed(client, book, orders)
    assert same_levels(stage, book)
    assert same_orders(stage, orders)


def test_a_product_that_is_listed_anew_goes_on() -> None:
    stage = FeedStage()
    client, book, orders, batches = stage.client(), LevelsBook(PRODUCT), OrdersBook(PRODUCT), LevelsBook(PRODUCT)
    other = stage.client()
    batches.take(other.subscribe("level2_batch")[1])
    fed_at_first = client.subscribe("level2", "full")
    for message in fed_at_first:
        book.take(message)
    orders.begin(rest(stage, ORDERS))
    for _ in range(3):
        stage.go_on(100)
        stage.traffic.relist()
        stage.follow()
        stage.go_on(50)
        stage.feed.tell_batches()
        fed(client, book, orders)
        fed(other, batches)
        assert same_levels(stage, book)
        assert same_orders(stage, orders)
        assert same_levels(stage, batches)
