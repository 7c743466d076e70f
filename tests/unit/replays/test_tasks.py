"""A replay's states as a table: what may be asked in which, and what its records mean."""

from collections.abc import Sequence

import pytest

from libs.events.values import DeadLetterName
from libs.replays.records import (
    MOST_FAILURES,
    Failure,
    Letter,
    Plan,
    Progress,
    Selection,
    decode_record,
    encode_record,
    key_of,
    keys_of,
)
from libs.replays.tasks import Action, NotAllowed, State, Tally, Task, WrongHash

NAMES = [DeadLetterName(3, 17), DeadLetterName(3, 18)]
PLAN = Plan(
    id="p1",
    created=1,
    actor="eve",
    reason="fixed in 1.2",
    selection=Selection(account="ann"),
    rate=10,
    letters=tuple(Letter(name) for name in NAMES),
)


def after(*steps: Action | Progress) -> Task:
    task = Task(PLAN)
    for step in steps:
        if isinstance(step, Progress):
            task = task.took(step)
        elif (control := task.asked(step, "eve", 5, PLAN.hash)) is not None:
            task = task.took(control)
    return task


CONFIRM, PAUSE, RESUME, CANCEL = Action.CONFIRM, Action.PAUSE, Action.RESUME, Action.CANCEL
BEGUN = Progress(id="p1", at=6, next=1, sent=1)
SENT = Progress(id="p1", at=7, next=2, sent=2)
MISSED = Progress(id="p1", at=7, next=2, sent=1, failed=1)
REACHED: dict[State, Sequence[Action | Progress]] = {
    State.PLANNED: (),
    State.CONFIRMED: (CONFIRM,),
    State.RUNNING: (CONFIRM, BEGUN),
    State.PAUSED: (CONFIRM, BEGUN, PAUSE),
    State.CANCELED: (CONFIRM, CANCEL),
    State.DONE: (CONFIRM, BEGUN, SENT),
    State.FAILED: (CONFIRM, MISSED),
}
ALLOWED = {
    (State.PLANNED, CONFIRM): State.CONFIRMED,
    (State.PLANNED, CANCEL): State.CANCELED,
    (State.CONFIRMED, CONFIRM): State.CONFIRMED,
    (State.CONFIRMED, PAUSE): State.PAUSED,
    (State.CONFIRMED, RESUME): State.CONFIRMED,
    (State.CONFIRMED, CANCEL): State.CANCELED,
    (State.RUNNING, CONFIRM): State.RUNNING,
    (State.RUNNING, PAUSE): State.PAUSED,
    (State.RUNNING, RESUME): State.RUNNING,
    (State.RUNNING, CANCEL): State.CANCELED,
    (State.PAUSED, PAUSE): State.PAUSED,
    (State.PAUSED, RESUME): State.RUNNING,
    (State.PAUSED, CANCEL): State.CANCELED,
    (State.CANCELED, CANCEL): State.CANCELED,
    (State.DONE, CONFIRM): State.DONE,
    (State.DONE, RESUME): State.DONE,
    (State.FAILED, CONFIRM): State.FAILED,
    (State.FAILED, RESUME): State.FAILED,
}
"""What is wanted already is no error: a request that is sent twice is answered twice."""


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_what_may_be_asked_in_which_state(state: State, action: Action) -> None:
    task = after(*REACHED[state])
    assert task.state is state
    wanted = ALLOWED.get((state, action))
    if wanted is None:
        with pytest.raises(NotAllowed, match=f"{state} cannot be asked to {action}"):
            task.asked(action, "eve", 9, PLAN.hash)
    else:
        assert after(*REACHED[state], action).state is wanted


def test_a_paused_replay_that_never_began_waits_for_its_turn_again() -> None:
    assert after(CONFIRM, PAUSE, RESUME).state is State.CONFIRMED


def test_only_the_plan_that_was_seen_is_confirmed() -> None:
    with pytest.raises(WrongHash, match=PLAN.hash):
        Task(PLAN).asked(CONFIRM, "eve", 5, "0" * 64)


def test_the_hash_covers_all_that_will_be_done() -> None:
    def changed(**fields: object) -> str:
        return Plan(**{name: getattr(PLAN, name) for name in PLAN.__struct_fields__} | fields).hash

    assert changed() == PLAN.hash
    assert changed(actor="bob", reason="", created=2) == PLAN.hash
    others = [
        changed(id="p2"),
        changed(rate=11),
        changed(letters=PLAN.letters[:1]),
        changed(letters=PLAN.letters[::-1]),
        changed(letters=(Letter(NAMES[0], b"a", b"b"), PLAN.letters[1])),
        changed(selection=Selection(account="bob")),
    ]
    assert len({PLAN.hash, *others}) == len(others) + 1


def test_the_time_of_the_confirmation_stays() -> None:
    first = Task(PLAN).asked(CONFIRM, "eve", 5, PLAN.hash)
    assert first is not None
    paused = Task(PLAN, first).asked(PAUSE, "bob", 7)
    assert paused is not None
    assert (paused.at, paused.confirmed, paused.actor) == (7, 5, "bob")


def test_whoever_ran_it_before_takes_nothing_back() -> None:
    assert after(CONFIRM, SENT, BEGUN).state is State.DONE
    assert Task(PLAN).took(BEGUN).state is State.PLANNED


def test_a_tally_goes_on_where_the_last_record_stands() -> None:
    tally = Tally(after(CONFIRM, BEGUN), "order-api-2")
    assert tally.next == 1
    tally.failed(Failure(NAMES[1], "unreadable"))
    record = tally.record(9)
    assert (record.next, record.sent, record.failed, record.runner, record.at) == (2, 1, 1, "order-api-2", 9)
    for _ in range(MOST_FAILURES):
        tally.failed(Failure(NAMES[1], "unreadable"))
    assert (tally.record(9).failed, len(tally.record(9).failures)) == (MOST_FAILURES + 1, MOST_FAILURES)


def test_records_are_read_as_they_were_written_each_under_its_own_key() -> None:
    control = Task(PLAN).asked(CONFIRM, "eve", 5, PLAN.hash)
    assert control is not None
    for record in (PLAN, control, MISSED):
        assert decode_record(encode_record(record)) == record
        assert key_of(record) in keys_of("p1")
    assert keys_of("p1") == [b"p1/progress", b"p1/control", b"p1/plan"]
