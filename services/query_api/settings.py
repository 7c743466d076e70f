"""Every limit and interval of query_api by name."""

from libs.access.settings import AccessSettings


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
    tail_records: int = 10_000
    tail_gather_ms: int = 10
    """Under load the tail is polled so far apart."""
    tail_poll_ms: int = 200
    backoff_first_ms: int = 100
    backoff_last_ms: int = 5_000
    listen_check_ms: int = 1_000
    """How often the connection that is notified asks for the positions itself, and so finds out that it is gone."""
