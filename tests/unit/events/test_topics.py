"""Topics and the partitions of products."""

import msgspec
import pytest

from libs.events import topics
from libs.events.ids import PARTITION_LIMIT, partition_of
from libs.events.tail import describe


def test_no_two_topics_share_a_name() -> None:
    names = [value for name, value in vars(topics).items() if name.isupper() and isinstance(value, str)]
    assert len({*names, *topics.RETRIES}) == len(names) + len(topics.RETRIES)


def test_a_product_lives_in_the_partition_that_its_number_says() -> None:
    assert [partition_of(counter * PARTITION_LIMIT + 5) for counter in (1, 2, 300)] == [5, 5, 5]


def test_a_value_of_a_type_that_no_event_has_is_refused_by_name() -> None:
    class Odd(msgspec.Struct):
        ratio: float

    with pytest.raises(TypeError, match="ratio is of no type"):
        describe(Odd(0.5))
