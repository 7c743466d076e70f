"""The tables, for building queries. `migrations` makes them; a test holds the two together.

Writes are the bottleneck of the read side, so two things differ from the obvious:

* No index of `orders` names a column that ever changes. So each update is heap-only: it writes one row version and no
  index entry, and leaves nothing for vacuum to find. What is open stands in `open_orders` beside it, which stays as
  small as the books are. (A partial index on open orders costs 45 µs of Postgres an order, this costs 26.)
* `order_events` has an entry by order only for the events that no other table leads to; see `queries.order_events`.
"""

from typing import Final

from sqlalchemy import (
    UUID,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata: Final = MetaData()

products: Final = Table(
    "products",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("quote_increment", BigInteger, nullable=False),
    Column("base_increment", BigInteger, nullable=False),
    Column("min_size", BigInteger, nullable=False),
    Column("max_size", BigInteger, nullable=False),
    Column("min_notional", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("trade_id", BigInteger, nullable=False),
    Column("last_price", BigInteger, nullable=False),
    Column("last_size", BigInteger, nullable=False),
    Column("last_time", BigInteger, nullable=False),
    Column("listed", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("price_scale", SmallInteger, nullable=False),
    Column("size_scale", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("product_id", Text, nullable=False),
    Column("base_currency", Text, nullable=False),
    Column("quote_currency", Text, nullable=False),
    Column("price_collar", BigInteger, nullable=False),
    Column("reference_price", BigInteger, nullable=False),
    Column("max_open_orders", BigInteger, nullable=False),
    Index("products_product_id", "product_id", "number"),
)
"""One row for each life of a product: listed anew, it has a new number. The last trade stands here for the ticker."""

orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("price", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("displayed", BigInteger, nullable=False),
    Column("filled_size", BigInteger, nullable=False),
    Column("funds", BigInteger, nullable=False),
    Column("priority", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("first_seq", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("replay_offset", BigInteger),
    Column("number", Integer, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("side", SmallInteger),
    Column("type", SmallInteger),
    Column("time_in_force", SmallInteger),
    Column("status", SmallInteger, nullable=False),
    Column("done_reason", SmallInteger),
    Column("reject_reason", SmallInteger),
    Column("replay_partition", SmallInteger),
    Column("post_only", Boolean, nullable=False),
    Column("first_order_id", UUID),
    Column("executed_value", Numeric, nullable=False),
    Column("account", Text, nullable=False),
    Column("client_oid", Text, nullable=False),
    Column("stop_price", BigInteger, nullable=False),
    Column("max_floor", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Column("taken_off", BigInteger, nullable=False),
    Column("stp", SmallInteger),
    Index("orders_account", "account", "order_id"),
    Index("orders_client_oid", "account", "client_oid", postgresql_where=text("client_oid <> ''")),
    Index("orders_number", "number", "order_id"),
)
"""Every order that was ever decided. An order id begins with its time, so order by id is order by time.

`priority` is the seq of the event that gave it its place: in its queue or, while it is `active`, in the arming order of
the stops. `displayed` of `remaining` is public, the rest is hidden. `taken_off` is what self-trade prevention took off its
size. `first_seq` and `seq` are the first and the last event about it. side, type, time_in_force and stp are null of an
order that was refused without being read (`stale`).
"""

open_orders: Final = Table(
    "open_orders",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("account", Text, nullable=False),
    Index("open_orders_account", "account", "order_id"),
)
"""The orders whose status is neither done nor rejected."""

trades: Final = Table(
    "trades",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("taker_side", SmallInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("trade_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("maker_order_id", UUID, nullable=False),
    Column("taker_order_id", UUID, nullable=False),
    Column("maker_account", Text, nullable=False),
    Column("taker_account", Text, nullable=False),
    Index("trades_time", "time", postgresql_using="brin"),
    Index("trades_maker_account", "maker_account", "time", "number", "trade_id"),
    Index("trades_taker_account", "taker_account", "time", "number", "trade_id"),
)

INDEXED_TAGS: Final = (34, 35, 36, 37, 39, 46, 48, 49, 50, 51, 57, 58, 59)
"""Events of an order that only the archive knows: a rejected amend or cancel, a place in the queue, an amendment, a
repeat, a stop that waits or fires, a next slice, a trade with itself that was prevented, a command that was put off, came
back, or died. Its first and last event are
named in its row, and its trades in theirs."""

order_events: Final = Table(
    "order_events",
    metadata,
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("tag", SmallInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", UUID),
    Column("event", LargeBinary, nullable=False),
    Index(
        "order_events_order_id",
        "order_id",
        postgresql_where=text(f"tag = ANY ('{{{','.join(map(str, INDEXED_TAGS))}}}'::smallint[])"),
    ),
    postgresql_partition_by="RANGE (time)",
)
"""The archive: every event as it stands in the log. Only ever appended to; a partition a day of engine time."""

self_trades: Final = Table(
    "self_trades",
    metadata,
    Column("maker_order_id", UUID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
)
"""Where a taker met an order of its own account: leads from the maker to the event, which stands under its taker."""

candles: Final = Table(
    "candles",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("granularity", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, primary_key=True, autoincrement=False),
    Column("open", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("close", BigInteger, nullable=False),
    Column("first_trade_id", BigInteger, nullable=False),
    Column("last_trade_id", BigInteger, nullable=False),
    Column("volume", Numeric, nullable=False),
    Column("value", Numeric, nullable=False),
)
"""What was traded of a product in each minute, hour and so on (`granularity`, in seconds) in which anything was.

`time` is the beginning, engine time. `volume` is the sum of sizes, `value` that of price times size. Trades are gapless,
so how many they were is last_trade_id - first_trade_id + 1.
"""

holdings: Final = Table(
    "holdings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("trades", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("bought", Numeric, nullable=False),
    Column("bought_value", Numeric, nullable=False),
    Column("sold", Numeric, nullable=False),
    Column("sold_value", Numeric, nullable=False),
)
"""What each account bought and sold of each product, in all its trades. `seq` is that of the last one."""

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("command_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("command_id", UUID),
    Column("order_id", UUID),
    Column("client_oid", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("cause", SmallInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("first_failed_at", BigInteger, nullable=False),
    Column("died_at", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("replays", SmallInteger, nullable=False),
    Column("replay_partition", SmallInteger),
    Column("replay_offset", BigInteger),
    Column("closed", SmallInteger),
    Column("closed_at", BigInteger),
    Column("closed_seq", BigInteger),
    Column("closed_by", UUID),
    Column("note", Text, nullable=False),
    Index("dead_letters_died_at", "died_at", "partition", "command_offset"),
    Index("dead_letters_open", "died_at", postgresql_where=text("closed IS NULL")),
)
"""Commands that died, by partition and offset in `orders`: that is their name. `closed` is null while one is open.

`replay_…` names the dead letter that it was a replay of, `replays` counts how many there were behind it.
"""

projection_offsets: Final = Table(
    "projection_offsets",
    metadata,
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("next_seq", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("command_offset", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""How far each partition of `order-events` is in these tables: the position of the last transaction, written in it.

next_offset is in `order-events` and skips what is no event; command_offset is in `orders`, of the last command
whose outcome is here; time is its engine time.
"""
