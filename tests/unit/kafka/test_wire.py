"""Requests and answers as bytes, against examples that were written out by hand from the protocol's description."""

from libs.kafka import wire
from libs.kafka.wire import Batch, Owner, Written

OWNER = Owner("id", 7, 3)


def test_produce_names_each_batch_in_compact_form() -> None:
    request = wire.produce("id", 1000, [Batch("t", 2, b"ab")])
    assert (request.api, request.version) == (0, 12)
    assert request.body == (
        b"\x03id" + b"\xff\xff" + b"\x00\x00\x03\xe8"  # transactional id, acks, timeout
        + b"\x02" + b"\x02t" + b"\x02" + b"\x00\x00\x00\x02" + b"\x03ab" + b"\x00" + b"\x00" + b"\x00"
    )  # fmt: skip


def test_a_length_beyond_seven_bits_takes_two_bytes() -> None:
    assert b"\xad\x02" + bytes(300) in wire.produce(None, 0, [Batch("t", 0, bytes(300))]).body


def test_an_answer_to_produce_is_read_past_what_nobody_needs() -> None:
    partition = (
        b"\x00\x00\x00\x02" + b"\x00\x2f" + (5).to_bytes(8) + (9).to_bytes(8) + bytes(8)
        + b"\x02" + b"\x00\x00\x00\x01" + b"\x02x" + b"\x00"  # one record's error
        + b"\x04bad" + b"\x01\x00\x01z"  # a message, and a tag
    )  # fmt: skip
    answer = b"\x02" + b"\x02t" + b"\x02" + partition + b"\x00" + bytes(4) + b"\x00"
    assert wire.written(answer) == [Written("t", 2, 47, 5, 9)]


def test_the_end_carries_the_owner_and_brings_the_next_one() -> None:
    request = wire.end(OWNER, commit=True)
    assert (request.api, request.version) == (26, 5)
    assert request.body == b"\x03id" + (7).to_bytes(8) + b"\x00\x03" + b"\x01" + b"\x00"
    assert wire.end(OWNER, commit=False).body[-2:] == b"\x00\x00"
    assert wire.ended(bytes(4) + b"\x00\x00" + (8).to_bytes(8) + b"\x00\x04" + b"\x00") == (0, 8, 4)


def test_an_offset_is_committed_for_one_partition() -> None:
    request = wire.commit_offset(OWNER, "g", "t", 1, 42)
    assert (request.api, request.version) == (28, 5)
    assert request.body == (
        b"\x03id" + b"\x02g" + (7).to_bytes(8) + b"\x00\x03" + b"\xff\xff\xff\xff" + b"\x01" + b"\x00"
        + b"\x02" + b"\x02t" + b"\x02" + b"\x00\x00\x00\x01" + (42).to_bytes(8) + b"\xff\xff\xff\xff" + b"\x01"
        + b"\x00" + b"\x00" + b"\x00"
    )  # fmt: skip
    answer = bytes(4) + b"\x02" + b"\x02t" + b"\x02" + b"\x00\x00\x00\x01" + b"\x00\x19" + b"\x00\x00\x00"
    assert wire.offset_error(answer) == 25


def test_finalized_features_are_in_a_tag() -> None:
    features = b"\x02" + b"\x14transaction.version" + b"\x00\x02" + b"\x00\x02" + b"\x00"
    answer = b"\x00\x00" + b"\x01" + bytes(4) + b"\x01\x02" + bytes([len(features)]) + features
    assert wire.finalized_features(answer) == {"transaction.version": 2}
    assert wire.finalized_features(b"\x00\x00" + b"\x01" + bytes(4) + b"\x00") == {}
