"""Every limit and interval of the projector by name."""

from libs.service.settings import Settings


class BuilderSettings(Settings, frozen=True, kw_only=True):
    gather_ms: int = 150
    """Under load transactions begin at least so far apart: small ones cost CPU in three processes."""
    brief_ms: int = 8
    """The same while there is little to do."""
    busy_events: int = 64
    """A transaction of this many events or more means load."""
    batch_events: int = 20_000
    """A transaction holds no more, unless a single command has more events."""
    poll_records: int = 10_000
    idle_poll_ms: int = 200
    """How long a poll waits when there is nothing; also how soon a request to stop is noticed."""
    decode_slice: int = 1_000
    """Events decoded before the commit in flight is given a turn."""
    command_timeout_ms: int = 60_000
    """Of one statement in Postgres."""
    backoff_first_ms: int = 100
    backoff_last_ms: int = 5_000
    lag_interval_ms: int = 5_000
    """How often the ends of the log are asked for `consumer_lag`."""
    rebuild_resume: bool = False
    """A rebuild goes on where an interrupted one was, instead of from the beginning."""
    rebuild_near_events: int = 20_000
    """So near to the running projection a rebuild tries to take its place."""
    rebuild_pass_ms: int = 5_000
    """How long the running projection may stand still for that, at most,"""
    rebuild_lock_ms: int = 2_000
    """and how long readers are waited for; after that it goes on, and a rebuild tries again."""
    rebuild_look_ms: int = 200
    """Between two looks at how far a rebuild is."""
    days_ahead: int = 3
    """Partitions of the archive that are made before they are needed."""
