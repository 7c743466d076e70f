"""What a transaction tells its listeners is what they read, or that they must look themselves."""

from libs.read_model.positions import Position, from_payload, payload


def test_positions_go_through_a_notification() -> None:
    told = [Position(0, 5, 7, 3, 1_790_000_000_000_000_000), Position(255, 1, 0, -1, 0)]
    assert from_payload(payload(told)) == told


def test_what_does_not_fit_says_so() -> None:
    many = [Position(at, 10**17, 10**17, 10**17, 10**18) for at in range(256)]
    assert payload(many) == "*"
    assert from_payload("*") is None
