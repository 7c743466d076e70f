"""Rows and events as JSON objects in the Coinbase Exchange shape. What does not apply to an order is left out."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import msgspec

from libs.access.caller import Caller
from libs.events import ids
from libs.events.decimals import to_text
from libs.events.events import AnyEvent, TradeExecuted
from libs.events.values import (
    DoneReason,
    OrderType,
    Product,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradingStatus,
)
from libs.read_model.orders import OrderRow
from libs.read_model.positions import Position
from libs.read_model.status import Status
from libs.read_model.trades import TAKER, FillRow, TradeRow
from services.query_api.live import LiveBooks
from services.query_api.texts import iso, word

Json = dict[str, object]


def product(given: Product) -> Json:
    status = given.status
    return {
        "id": given.product_id,
        "base_currency": given.base_currency,
        "quote_currency": given.quote_currency,
        "display_name": f"{given.base_currency}/{given.quote_currency}",
        "quote_increment": to_text(given.quote_increment, given.price_scale),
        "base_increment": to_text(given.base_increment, given.size_scale),
        "min_size": _limit(given.min_size, given.size_scale),
        "max_size": _limit(given.max_size, given.size_scale),
        "min_market_funds": _limit(given.min_notional, given.price_scale + given.size_scale),
        "price_collar": given.price_collar or None,
        "reference_price": _limit(given.reference_price, given.price_scale),
        "max_open_orders": given.max_open_orders or None,
        "price_scale": given.price_scale,
        "size_scale": given.size_scale,
        "status": word(status),
        "post_only": status is TradingStatus.POST_ONLY,
        "limit_only": status is TradingStatus.LIMIT_ONLY,
        "cancel_only": status is TradingStatus.CANCEL_ONLY,
        "trading_disabled": status in (TradingStatus.HALTED, TradingStatus.DELISTED),
        "number": given.number,
        "partition": given.partition,
    }


def _limit(value: int, scale: int) -> str | None:
    return to_text(value, scale) if value else None


_STOPS: Final = {Side.BUY.value: "entry", Side.SELL.value: "loss"}


def order(row: OrderRow) -> Json:
    """Of a stop the type is that of the order it becomes. What is hidden of an iceberg stands here for its owner alone."""
    prices, sizes = row.price_scale or 0, row.size_scale or 0
    view: Json = {
        "id": str(row.order_id),
        "product_id": row.product_id,
        "account": row.account,
        "client_oid": row.client_oid or None,
        "side": _word(Side, row.side),
        "type": _word(OrderType, row.type),
        "time_in_force": TimeInForce(row.time_in_force).name if row.time_in_force else None,
        "expire_time": iso(row.expire_time) if row.expire_time else None,
        "post_only": row.post_only,
        "stp": _word(SelfTradePrevention, row.stp),
        "stop": _STOPS[row.side] if row.stop_price and row.side else None,
        "stop_price": to_text(row.stop_price, prices) if row.stop_price else None,
        "max_floor": to_text(row.max_floor, sizes) if row.max_floor else None,
        "price": to_text(row.price, prices) if row.price else None,
        "size": to_text(row.size, sizes) if row.size else None,
        "funds": to_text(row.funds, prices + sizes) if row.funds else None,
        "remaining_size": to_text(row.remaining, sizes),
        "displayed_size": to_text(row.displayed, sizes) if row.max_floor else None,
        "filled_size": to_text(row.filled_size, sizes),
        "prevented_size": to_text(row.taken_off, sizes) if row.taken_off else None,
        "executed_value": to_text(int(row.executed_value), prices + sizes),
        "fill_fees": to_text(0, prices + sizes),
        "status": word(Status(row.status)),
        "done_reason": _word(DoneReason, row.done_reason),
        "reject_reason": _word(RejectReason, row.reject_reason),
        "duplicate_of": str(row.first_order_id) if row.first_order_id else None,
        "replay_of": None if row.replay_offset is None else f"{row.replay_partition}:{row.replay_offset}",
        "created_at": iso(row.created),
        "updated_at": iso(row.updated),
        "done_at": iso(row.done_at) if row.done_at else None,
        "settled": row.status in (Status.DONE, Status.REJECTED),
    }
    return {name: value for name, value in view.items() if value is not None}


def _word(kind: type[IntEnum], value: int | None) -> str | None:
    return word(kind(value)) if value else None


def trade(row: TradeRow) -> Json:
    """`side` is the maker's, as on Coinbase."""
    return {
        "trade_id": row.trade_id,
        "price": to_text(row.price, row.price_scale),
        "size": to_text(row.size, row.size_scale),
        "side": word(Side(3 - row.taker_side)),
        "time": iso(row.time),
    }


def fill(row: FillRow) -> Json:
    """`side` is that of the order that was filled."""
    taker = row.liquidity == TAKER
    return {
        "trade_id": row.trade_id,
        "product_id": row.product_id,
        "order_id": str(row.order_id),
        "account": row.account,
        "price": to_text(row.price, row.price_scale),
        "size": to_text(row.size, row.size_scale),
        "side": word(Side(row.taker_side if taker else 3 - row.taker_side)),
        "liquidity": "T" if taker else "M",
        "fee": "0",
        "settled": True,
        "created_at": iso(row.time),
    }


def ticker(live: LiveBooks, given: Product, now: int) -> Json:
    book = live.book(given)
    kept = live.ticker(given.number)
    last, prices, sizes = kept.last, given.price_scale, given.size_scale
    bid, ask = (book.bids.best, book.asks.best) if book is not None else (None, None)
    return {
        "trade_id": book.trade_id if book is not None else None,
        "price": to_text(last.price, prices) if last.time else None,
        "size": to_text(last.size, sizes) if last.time else None,
        "time": iso(last.time) if last.time else None,
        "bid": to_text(bid.price, prices) if bid else None,
        "ask": to_text(ask.price, prices) if ask else None,
        "bid_size": to_text(bid.volume, sizes) if bid else None,
        "ask_size": to_text(ask.volume, sizes) if ask else None,
        "volume": to_text(kept.volume(now), sizes),
        "sequence": book.sequence if book is not None else None,
    }


def positions(live: LiveBooks, projected: Mapping[int, Position]) -> list[Json]:
    """Of each partition: how far Postgres and the live book are, and how many events the one is behind the other."""
    return [
        {
            "partition": at,
            "next_seq": (kept := projected.get(at, Position(at))).next_seq,
            "command_offset": kept.command_offset,
            "time": iso(kept.time),
            "live_next_seq": tail.state.seq + 1,
            "live_command_offset": tail.state.command_offset,
            "live_time": iso(tail.state.time),
            "lag": max(0, tail.state.seq + 1 - kept.next_seq) if at in projected else None,
            "stopped": tail.stopped or None,
        }
        for at, tail in sorted(live.tails.items())
    ]


_IDS: Final = frozenset(("command_id", "order_id", "first_order_id", "maker_order_id", "taker_order_id"))
_PRICES: Final = frozenset(("price", "stop_price"))
_SIZES: Final = frozenset(
    ("size", "remaining", "displayed", "max_floor", "maker_remaining", "maker_displayed", "taker_remaining")
)
_FUNDS: Final = frozenset(("funds", "taker_funds"))
_MAKERS: Final = frozenset(("maker_account", "maker_remaining", "maker_displayed"))
_TAKERS: Final = frozenset(("taker_account", "taker_remaining", "taker_funds"))
_INTERNAL: Final = frozenset(("key", "sent"))


def event(given: AnyEvent, row: OrderRow, who: Caller) -> Json:
    """An event of an order. Of a trade, what is the other side's alone is for operators."""
    hidden = _INTERNAL
    if isinstance(given, TradeExecuted) and not who.operator:
        hidden |= _TAKERS if given.maker_account == row.account != given.taker_account else frozenset()
        hidden |= _MAKERS if given.taker_account == row.account != given.maker_account else frozenset()
    prices, sizes = row.price_scale or 0, row.size_scale or 0
    view: Json = {"type": type(given).__name__}
    for name in given.__struct_fields__:
        if name not in hidden:
            view["order_type" if name == "type" else name] = _field(name, getattr(given, name), prices, sizes)
    return view


def _field(name: str, value: object, prices: int, sizes: int) -> object:
    if isinstance(value, bytes):
        return ids.text(value)
    if isinstance(value, TimeInForce):
        return value.name
    if isinstance(value, IntEnum):
        return word(value)
    if isinstance(value, int):
        return _number(name, value, prices, sizes)
    return msgspec.to_builtins(value)


def _number(name: str, value: int, prices: int, sizes: int) -> object:
    if name in _PRICES:
        return to_text(value, prices)
    if name in _SIZES:
        return to_text(value, sizes)
    if name in _FUNDS:
        return to_text(value, prices + sizes)
    if name == "expire_time":
        return iso(value) if value else None
    return iso(value) if name == "time" else value
