"""Every limit of the worker by name."""

from libs.snapshots.settings import SnapshotSettings


class WorkerSettings(SnapshotSettings, frozen=True, kw_only=True):
    poll_records: int = 4_000
    """Commands one poll may bring, over all partitions."""
    poll_timeout_ms: int = 200
    batch_commands: int = 2_000
    """Commands in one transaction."""
    backlog_commands: int = 8_000
    """Commands a partition may hold that are read and not decided; beyond, its reading is paused."""
    commit_gap_ms: int = 20
    """Between the starts of two commits of a partition under load; a command that comes later commits at once."""
    commit_gap_factor: int = 2
    """The gap is at least so many times what the last commit took: slow commits are a sign of load, and fewer of them
    relieve it. So a partition that is not idle spends at most half of its time committing."""
    commit_gap_most_ms: int = 100
    position_every_ms: int = 1_000
    """Between two commits of a partition's position in `orders` to the consumer group, which shows it to operators:
    the log itself says which command is next, so a transaction without it is as safe, and half as expensive."""
    alarm_pause_ms: int = 100
    """Between two `AdvanceTime` of a partition, which its owner writes when something is due and no command came."""
    alarm_look_ms: int = 1_000
    """Between two looks at the clock while something is still to come; after an alarm that could not be written."""
    snapshot_every_ms: int = 30_000
    """Between two snapshots of a partition, when something changed."""
    snapshot_cache_tail_events: int = 200_000
    """A state or snapshot on this machine that is further behind the log is used only when the store has none newer."""
    warm_copies: int = 0
    """So many partitions of other owners are folded along here, so that only their tail is to be read when this worker
    takes one over. Each takes the memory of its books, and processor time for each of its events. 0: none."""
    warm_records: int = 500
    """Events that are folded into copies at once: other work waits for so long, a few milliseconds."""
    warm_pause_factor: int = 4
    """Between two of those, a pause so many times as long: copies take a fifth of a core at most."""
    warm_poll_ms: int = 500
    """How long one poll for copies waits."""
    warm_retry_ms: int = 2_000
    """After copies could not be read, or begun."""
    fold_records: int = 5_000
    """Events one poll of a take-over brings."""
    fold_timeout_ms: int = 10
    """How long one poll of a take-over waits. Behind the last event only control markers stand, which wake no poll."""
    takeover_attempts: int = 20
    """In a row, of one partition; then the process ends and is started anew."""
    takeover_backoff_ms: int = 100
    """After the first failed take-over; doubles up to `takeover_backoff_most_ms`, with jitter."""
    takeover_backoff_most_ms: int = 5_000
    decide_limit_ms: int = 6_000
    """For one command, then the process ends: so long does the group wait for a silent member before another takes
    over, so whoever is slower than that has been replaced already."""
    decide_look_ms: int = 500
    """Between two looks of the watchdog at the command that is being decided."""
    crash_takeovers: int = 3
    """From so many in a row at one command on, each of which ended with its process, commands are announced and go alone."""
    crash_tries: int = 3
    """So many processes may end while they decide one announced command; then it is a dead letter."""
    later_version_commands: int = 500
    """Commands of a later version that may wait at a time; beyond, the partition waits for workers that can read them."""
    letter_bytes: int = 800_000
    """Of the value of a record in a retry topic, or in the dead letters: the rest of what the log takes is for headers."""
    forward_records: int = 500
    """Commands one poll of a retry topic brings, and one publication brings back."""
    forward_pause_ms: int = 1_000
    """After a retry topic that could not be read, or commands that could not be brought back."""
    progress_limit_ms: int = 15_000
    """Without a look at the group, or with commands that wait and none committed: from then on the process says that it is
    not well. A take-over, and every pause between two, ends well within it."""
    away_limit_ms: int = 30_000
    """Without a place in the group, which is what a worker has that does not reach the log: then the process ends."""
    fault_prefix: str = ""
    """For tests: a client_oid that begins with it breaks what its next word says (`injecting.py`). Empty: none does."""
    fault_consent: str = ""
    """Needed beside `fault_prefix`: the word break, and the name of the cluster."""
    hand_over_save_ms: int = 1_000
    """For the snapshots that a worker saves, still trading, when it was told to stop. What is not saved then is folded."""
    hand_over_tail_events: int = 50_000
    """A partition that is let go is saved once more only when more than this has happened since its last snapshot:
    the next owner folds so many events sooner than a state can be saved and read back."""
    ready_readers: int = 4
    """Readers of a topic, which stand ready between take-overs: so many partitions are restored at a time."""
    revoke_timeout_ms: int = 3_000
    """For the commit in flight when partitions are revoked; beyond it the process ends."""
