"""Every limit and interval of query_api by name."""

from typing import Literal

from libs.access.settings import AccessSettings
from libs.service.sockets import SocketLimits


class QueryApiSettings(AccessSettings, frozen=True, kw_only=True):
    http_port: int = 8082
    body_bytes: int = 65_536
    """Of a signed request. A read has no body, but some clients send one, and sign it."""
    pool_connections: int = 8
    """Connections to Postgres; a request waits for a free one."""
    query_timeout_ms: int = 5_000
    """Of one query, the wait for a connection included."""
    wait_ms: int = 5_000
    """How long a read with `Outcry-Position` waits for the read side to pass it."""
    waiting_requests: int = 2_000
    """Requests that wait at the same time; more are told to come again."""
    fresh_ms: int = 5_000
    """An order id that is unknown, and was minted so recently, is waited for."""
    page_limit: int = 1_000
    """Items of a page, at most."""
    page_default: int = 100
    events_limit: int = 1_000
    candles_limit: int = 300
    """Candles of one answer."""
    order_wait_ms: int = 20_000
    """How long `GET /orders/{id}?wait=` may wait for a change; less than the gateway waits for an answer to begin."""
    watched_orders: int = 2_000
    """Requests that wait for an order at the same time."""
    stream_rows: int = 2_000
    """Trades that a stream reads at once."""
    streams: int = 8
    """Streams of trades at the same time; more are told to come again."""
    batch_body_bytes: int = 1_048_576
    batch_items: int = 500
    """These two are order_api's, from the same variables, and only told here."""
    letters_around: int = 10
    """Commands and events before and after a dead letter that are shown with it."""
    dry_runs: int = 1
    """At the same time; each restores a partition's state in a process of its own."""
    dry_run_ms: int = 25_000
    """Less than the gateway waits for an answer to begin."""
    replay_poll_ms: int = 250
    replay_retry_ms: int = 500
    replay_wait_ms: int = 3_000
    """How long a request waits for the log of replays to be read to its end."""
    tail_records: int = 10_000
    tail_slice: int = 1_000
    """Records that are folded at once, before requests and sockets have their turn."""
    tail_gather_ms: int = 10
    """Under load the tail is polled so far apart."""
    tail_poll_ms: int = 200
    backoff_first_ms: int = 100
    backoff_last_ms: int = 5_000
    listen_check_ms: int = 1_000
    """How often the connection that is notified asks for the positions itself, and so finds out that it is gone."""

    feed_sockets: int = 20_000
    """Open at once; more are refused."""
    feed_subscriptions: int = 500
    """Channels of products that one socket listens to."""
    feed_message_bytes: int = 65_536
    """Of a client's message."""
    feed_messages_per_s: int = 100
    """Of one client; who sends more is hung up on."""
    feed_socket_bytes: int = 1_048_576
    """What may wait to be read by one client, besides its largest snapshot."""
    feed_kernel_bytes: int = 262_144
    """Of that in the operating system, which counts apart."""
    feed_overflow: Literal["resync", "close"] = "resync"
    """What becomes of a client for whom more would wait: it is left out until it has caught up, or is hung up on."""
    feed_stall_ms: int = 10_000
    """Who has not caught up within so long is hung up on."""
    feed_batch_ms: int = 50
    """Between two messages of `level2_batch`."""
    feed_ticker_batch_ms: int = 5_000
    feed_ping_ms: int = 20_000
    feed_pong_ms: int = 20_000
    """A client that does not answer a ping for so long is hung up on."""
    feed_close_ms: int = 2_000
    """How long a client may take to answer a close."""
    feed_notice_ms: int = 500
    """Between the notice that the service stops, and the close."""

    @property
    def sockets(self) -> SocketLimits:
        return SocketLimits(
            self.feed_message_bytes,
            self.feed_ping_ms / 1000,
            self.feed_pong_ms / 1000,
            self.feed_close_ms / 1000,
            self.feed_kernel_bytes,
        )
