"""Every limit and interval of the log client by name, with its unit and its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults are what the contract suite runs with; a settings object may change any of them."""

    # Bytes of one batch. The broker refuses above message.max.bytes (1,048,588); the rest is room for framing.
    batch_bytes: int = 900_000

    # One request to a broker. Longer than a rebalance may take (a JoinGroup waits for it), short enough that a
    # half-open connection is noticed.
    request_timeout_s: float = 10.0
    # Between retries. Also the wait while a fenced owner's transaction is being aborted, so it is part of a take-over.
    retry_backoff_s: float = 0.02
    # Connecting, and finding coordinator and producer id.
    start_timeout_s: float = 10.0
    # Giving connections back; after that they are cut.
    close_timeout_s: float = 3.0

    # The broker aborts a transaction that is open for longer: a dead owner blocks committed readers so long.
    transaction_timeout_s: float = 10.0
    # A commit that takes longer is given up, before the broker does: the process ends.
    commit_timeout_s: float = 8.0
    # The wait when the broker still finishes the last transaction. aiokafka waits 20 ms, which makes back-to-back
    # transactions take 25 ms instead of 4.
    concurrent_transaction_backoff_s: float = 0.001

    # A publish that is not acknowledged by then is unknown, and the producer is replaced.
    publish_timeout_s: float = 5.0
    # How long a publish waits for a connection to the leader before anything is sent: then it is certainly not published.
    connect_timeout_s: float = 2.0

    # Bytes a partition in one fetch: some thousand records, so that eight partitions decode in tens of milliseconds.
    fetch_partition_bytes: int = 1_048_576
    # How long the broker holds a fetch that finds nothing. It answers at once when data comes, but whatever else is
    # asked on that connection (bounds, a partition that was resumed) queues behind it, so a take-over pays it.
    fetch_wait_s: float = 0.1
    # A poll that brought so many records means load. From then on a reader asks for this many bytes at once, or what
    # came within this time, until a poll brings fewer: an answer for each small append costs both sides more than the
    # reading. Readers outside groups (the projector, the live book) can wait longer than the group, whose commands
    # wait to be decided.
    busy_records: int = 8
    gather_bytes: int = 262_144
    gather_wait_s: float = 0.05
    group_gather_wait_s: float = 0.02
    # How often a consumer asks for the partitions of its topic: so long after it has grown a group shares the new ones.
    metadata_age_s: float = 2.0
    # CRC32C in C costs under 1 % of decoding and is the only check between disk and engine.
    check_crcs: bool = True

    heartbeat_s: float = 0.3
    session_timeout_s: float = 6.0
    # A member that does not poll for so long is thrown out of its group.
    poll_interval_s: float = 300.0
    # So many assignments, each with a new member id, within the window mean that an instance id is used twice.
    contested_assignments: int = 3
    contested_window_s: float = 2.0
