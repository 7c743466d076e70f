"""Every address and limit of order_api by name."""

from libs.access.settings import AccessSettings
from libs.service.sockets import SocketLimits


class OrderApiSettings(AccessSettings, frozen=True, kw_only=True):
    """Read from `OUTCRY_…` like those of every service."""

    http_port: int = 8081

    body_bytes: int = 65_536
    """The largest body of a request about one order or product."""
    batch_body_bytes: int = 1_048_576
    batch_items: int = 500

    queue_orders: int = 20_000
    """Commands in hand at once, from validation to acknowledgement; beyond it requests are refused as overloaded."""
    publish_orders: int = 5_000
    """The most commands of one publish."""
    gather_ms: int = 5
    """The beat at which a busy partition publishes. The first command after a pause goes at once."""

    product_wait_ms: int = 1_000
    """How long an unknown product is looked for in the registry before it is a 404."""
    registry_poll_ms: int = 250
    registry_retry_ms: int = 500
    """Between attempts to read the registry while the log is away."""
    registry_wait_ms: int = 2_000
    """How long a listing waits to know over how many partitions products are spread."""

    redis_timeout_ms: int = 500
    """A call that takes longer counts as Redis being away. Shorter, and a busy machine would look like that."""
    redis_pause_ms: int = 1_000
    """How long Redis is left alone after a failure; orders are accepted without it meanwhile."""
    redis_gather_ms: int = 10
    """Between the starts of two calls under load. The first one after a pause goes at once."""
    redis_ops: int = 4_000
    """The most operations of one call, which occupies Redis for some milliseconds."""
    redis_queue: int = 100_000
    """Operations waiting for Redis; outcomes beyond it are not written down."""
    idempotency_hours: int = 24
    pending_ms: int = 15_000
    """A request without an outcome for so long is abandoned: longer than a publish can take."""

    replay_letters: int = 10_000
    """Dead letters of one plan."""
    replay_rate: int = 10
    """Letters a second, of a plan that names no rate."""
    replay_rate_most: int = 1_000
    replays_kept: int = 1_000
    """Replays that have ended, and plans that were never confirmed, beyond which the oldest are forgotten."""
    replay_progress_ms: int = 1_000
    """How often a running replay writes down how far it is; what was sent since is sent again by whoever takes over."""
    replay_poll_ms: int = 250
    replay_retry_ms: int = 500
    """Between attempts while the log is away."""
    replay_wait_ms: int = 3_000
    """How long a request waits for the log of replays to be read to its end."""
    operator_connections: int = 2
    """To Postgres, for plans: what is replayed is chosen from the read side."""
    operator_query_ms: int = 10_000

    clock_skew_ms: int = 2_000
    """A larger difference from the log's clock makes the process unready: the engine refuses commands 5 s ahead."""

    sockets: int = 2_000
    """`/ws/orders` open at once; more are refused."""
    socket_message_bytes: int = 65_536
    socket_in_flight: int = 500
    """Messages of one socket without an answer; beyond it nothing more is read from it."""
    socket_bytes: int = 1_048_576
    """Answers that may wait to be read by one client; beyond it, it is hung up on."""
    socket_kernel_bytes: int = 262_144
    """Of that in the operating system, which counts apart."""
    socket_ping_ms: int = 20_000
    socket_pong_ms: int = 20_000
    """A client that does not answer a ping for so long is hung up on."""
    socket_close_ms: int = 2_000
    """How long a client may take to answer a close."""
    socket_notice_ms: int = 500
    """Between the notice that the service stops, and the close."""

    @property
    def socket_limits(self) -> SocketLimits:
        return SocketLimits(
            self.socket_message_bytes,
            self.socket_ping_ms / 1000,
            self.socket_pong_ms / 1000,
            self.socket_close_ms / 1000,
            self.socket_kernel_bytes,
        )
