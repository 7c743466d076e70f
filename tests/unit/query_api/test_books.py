"""Books as JSON: exact, and encoded once for each change."""

import msgspec

from libs.events.decimals import to_text
from libs.events.ids import text
from services.query_api.books import BookTexts, encoded
from tests.unit.read_model.traffic import Traffic


def traffic() -> Traffic:
    made = Traffic()
    made.run(200)
    made.rest("ann", 5)
    return made


def test_level_three_is_the_queue() -> None:
    made = traffic()
    book = made.state.products[made.number]
    found = msgspec.json.decode(encoded(book, 3, made.time))
    orders = [(level, order) for level in book.bids for order in level]
    assert len(orders) >= 5
    assert found["bids"] == [
        [to_text(level.price, 2), to_text(order.displayed, 8), text(order.order_id)] for level, order in orders
    ]
    assert found["sequence"] == book.sequence


def test_a_book_that_stands_still_is_encoded_once() -> None:
    made, texts = traffic(), BookTexts()
    book = made.state.products[made.number]
    for level in (1, 2, 3):
        first = texts.of(book, level, made.time)
        assert texts.of(book, level, made.time + 1) is first
        assert first == encoded(book, level, made.time)
    made.rest("ann", 1)
    assert texts.of(book, 2, made.time) == encoded(book, 2, made.time)
