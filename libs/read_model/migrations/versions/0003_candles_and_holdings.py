"""Candles of every product and holdings of every account, made of the trades that are there."""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A part of each page stays free for heap-only updates: the newest candles and every holding change with each batch.
_CANDLES = """
CREATE TABLE candles (
    number integer NOT NULL,
    granularity integer NOT NULL,
    time bigint NOT NULL,
    open bigint NOT NULL,
    high bigint NOT NULL,
    low bigint NOT NULL,
    close bigint NOT NULL,
    first_trade_id bigint NOT NULL,
    last_trade_id bigint NOT NULL,
    volume numeric NOT NULL,
    value numeric NOT NULL,
    PRIMARY KEY (number, granularity, time)
) WITH (fillfactor = 90)
"""

_HOLDINGS = """
CREATE TABLE holdings (
    account text NOT NULL,
    number integer NOT NULL,
    trades bigint NOT NULL,
    seq bigint NOT NULL,
    bought numeric NOT NULL,
    bought_value numeric NOT NULL,
    sold numeric NOT NULL,
    sold_value numeric NOT NULL,
    PRIMARY KEY (account, number)
) WITH (fillfactor = 50)
"""

_FILL_CANDLES = """
INSERT INTO candles (number, granularity, time, open, high, low, close, first_trade_id, last_trade_id, volume, value)
SELECT number, granularity, time - time % (granularity * 1000000000),
    (array_agg(price ORDER BY trade_id))[1], max(price), min(price), (array_agg(price ORDER BY trade_id DESC))[1],
    min(trade_id), max(trade_id), sum(size), sum(price::numeric * size)
FROM trades CROSS JOIN unnest('{60,300,900,3600,21600,86400}'::bigint[]) AS granularity
GROUP BY 1, 2, 3
"""

# 1 is a buy.
_FILL_HOLDINGS = """
INSERT INTO holdings (account, number, trades, seq, bought, bought_value, sold, sold_value)
SELECT account, number, count(*), max(seq),
    coalesce(sum(size) FILTER (WHERE side = 1), 0), coalesce(sum(price::numeric * size) FILTER (WHERE side = 1), 0),
    coalesce(sum(size) FILTER (WHERE side = 2), 0), coalesce(sum(price::numeric * size) FILTER (WHERE side = 2), 0)
FROM (
    SELECT taker_account AS account, number, seq, price, size, taker_side AS side FROM trades
    UNION ALL SELECT maker_account, number, seq, price, size, 3 - taker_side FROM trades
) AS fills GROUP BY 1, 2
"""


def upgrade() -> None:
    for statement in (_CANDLES, _HOLDINGS, _FILL_CANDLES, _FILL_HOLDINGS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE holdings, candles")
