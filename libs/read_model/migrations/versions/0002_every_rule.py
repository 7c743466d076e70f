"""Stops, icebergs, expiry, self-trade prevention, and the new limits of products."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ORDERS = ("stop_price", "max_floor", "expire_time", "taken_off")
_PRODUCTS = ("price_collar", "reference_price", "max_open_orders")

_SELF_TRADES = """
CREATE TABLE self_trades (
    maker_order_id uuid NOT NULL,
    seq bigint NOT NULL,
    time bigint NOT NULL,
    partition smallint NOT NULL,
    PRIMARY KEY (maker_order_id, seq)
)
"""


def upgrade() -> None:
    for table, columns in (("products", _PRODUCTS), ("orders", _ORDERS)):
        for column in columns:  # a default rewrites no row, and is then no one's to rely on
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column} bigint NOT NULL DEFAULT 0")
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT")
    op.execute("ALTER TABLE orders ADD COLUMN stp smallint DEFAULT 1")  # as every order was placed so far
    op.execute("ALTER TABLE orders ALTER COLUMN stp DROP DEFAULT")
    op.execute("UPDATE orders SET stp = NULL WHERE side IS NULL")
    op.execute(_SELF_TRADES)
    _index_events("34,35,36,37,39,46,48,49,50,51")


def downgrade() -> None:
    _index_events("34,35,36,37,39,46")
    op.execute("DROP TABLE self_trades")
    op.execute("ALTER TABLE orders DROP COLUMN stp")
    for table, columns in (("orders", _ORDERS), ("products", _PRODUCTS)):
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _index_events(tags: str) -> None:
    op.execute("DROP INDEX order_events_order_id")
    op.execute(
        f"CREATE INDEX order_events_order_id ON order_events (order_id) WHERE tag = ANY ('{{{tags}}}'::smallint[])"
    )
