"""Products, orders, trades, the archive of events, and how far they are."""

from collections.abc import Sequence

from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PRODUCTS = """
CREATE TABLE products (
    number integer PRIMARY KEY,
    quote_increment bigint NOT NULL,
    base_increment bigint NOT NULL,
    min_size bigint NOT NULL,
    max_size bigint NOT NULL,
    min_notional bigint NOT NULL,
    sequence bigint NOT NULL,
    trade_id bigint NOT NULL,
    last_price bigint NOT NULL,
    last_size bigint NOT NULL,
    last_time bigint NOT NULL,
    listed bigint NOT NULL,
    seq bigint NOT NULL,
    partition smallint NOT NULL,
    price_scale smallint NOT NULL,
    size_scale smallint NOT NULL,
    status smallint NOT NULL,
    product_id text NOT NULL,
    base_currency text NOT NULL,
    quote_currency text NOT NULL
) WITH (fillfactor = 50)
"""

# Wide columns first: rows have no padding then. A fifth of each page stays free for the heap-only updates of its rows.
_ORDERS = """
CREATE TABLE orders (
    order_id uuid PRIMARY KEY,
    price bigint NOT NULL,
    size bigint NOT NULL,
    remaining bigint NOT NULL,
    displayed bigint NOT NULL,
    filled_size bigint NOT NULL,
    funds bigint NOT NULL,
    priority bigint,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    done_at bigint,
    first_seq bigint NOT NULL,
    seq bigint NOT NULL,
    replay_offset bigint,
    number integer NOT NULL,
    partition smallint NOT NULL,
    side smallint,
    type smallint,
    time_in_force smallint,
    status smallint NOT NULL,
    done_reason smallint,
    reject_reason smallint,
    replay_partition smallint,
    post_only boolean NOT NULL,
    first_order_id uuid,
    executed_value numeric NOT NULL,
    account text NOT NULL,
    client_oid text NOT NULL
) WITH (fillfactor = 80)
"""

_OPEN_ORDERS = """
CREATE TABLE open_orders (
    order_id uuid PRIMARY KEY,
    account text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.5, autovacuum_vacuum_threshold = 20000)
"""

_TRADES = """
CREATE TABLE trades (
    number integer NOT NULL,
    taker_side smallint NOT NULL,
    partition smallint NOT NULL,
    trade_id bigint NOT NULL,
    seq bigint NOT NULL,
    time bigint NOT NULL,
    price bigint NOT NULL,
    size bigint NOT NULL,
    maker_order_id uuid NOT NULL,
    taker_order_id uuid NOT NULL,
    maker_account text NOT NULL,
    taker_account text NOT NULL,
    PRIMARY KEY (number, trade_id)
)
"""

_ORDER_EVENTS = """
CREATE TABLE order_events (
    partition smallint NOT NULL,
    tag smallint NOT NULL,
    number integer NOT NULL,
    seq bigint NOT NULL,
    time bigint NOT NULL,
    order_id uuid,
    event bytea NOT NULL,
    PRIMARY KEY (partition, seq, time)
) PARTITION BY RANGE (time)
"""

_PROJECTION_OFFSETS = """
CREATE TABLE projection_offsets (
    partition smallint PRIMARY KEY,
    next_seq bigint NOT NULL,
    next_offset bigint NOT NULL,
    command_offset bigint NOT NULL,
    time bigint NOT NULL
) WITH (fillfactor = 20)
"""

_EVENTS_BY_ORDER = """
CREATE INDEX order_events_order_id ON order_events (order_id)
WHERE tag = ANY ('{34,35,36,37,39,46}'::smallint[])
"""

_INDEXES = (
    "CREATE INDEX products_product_id ON products (product_id, number)",
    "CREATE INDEX orders_account ON orders (account, order_id)",
    "CREATE INDEX orders_client_oid ON orders (account, client_oid) WHERE client_oid <> ''",
    "CREATE INDEX orders_number ON orders (number, order_id)",
    "CREATE INDEX open_orders_account ON open_orders (account, order_id)",
    "CREATE INDEX trades_time ON trades USING brin (time)",
    "CREATE INDEX trades_maker_account ON trades (maker_account, time, number, trade_id)",
    "CREATE INDEX trades_taker_account ON trades (taker_account, time, number, trade_id)",
    "CREATE INDEX order_events_order_id ON order_events (order_id) WHERE tag = ANY ('{34,35,36,37,39,46}'::smallint[])",
)


def upgrade() -> None:
    for statement in (_PRODUCTS, _ORDERS, _OPEN_ORDERS, _TRADES, _ORDER_EVENTS, _PROJECTION_OFFSETS, *_INDEXES):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE projection_offsets, order_events, trades, open_orders, orders, products")
