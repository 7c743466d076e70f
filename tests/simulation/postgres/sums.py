"""Tables that trades are added up in: candles and holdings."""

from collections.abc import Sequence
from typing import Any, Final

from tests.simulation.postgres.tables import Draft, Row

_CANDLE: Final = (
    "number", "granularity", "time", "open", "high", "low", "close", "first_trade_id", "last_trade_id", "volume", "value",
)  # fmt: skip
_HOLDING: Final = ("account", "number", "trades", "seq", "bought", "bought_value", "sold", "sold_value")


def add_candles(draft: Draft, *columns: Sequence[Any]) -> int:
    count = 0
    for values in zip(*columns, strict=True):
        new = dict(zip(_CANDLE, values, strict=True))
        present = draft.find("candles", new["number"], new["granularity"], new["time"])
        if present is None:
            draft.put("candles", new)
        elif present["last_trade_id"] < new["first_trade_id"]:
            bounds = {"high": max(present["high"], new["high"]), "low": min(present["low"], new["low"])}
            last = {name: new[name] for name in ("close", "last_trade_id")}
            draft.change("candles", present, **bounds, **last, **_added(present, new, ("volume", "value")))
        else:
            continue
        count += 1
    return count


def add_holdings(draft: Draft, *columns: Sequence[Any]) -> int:
    count = 0
    for values in zip(*columns, strict=True):
        new = dict(zip(_HOLDING, values, strict=True))
        present = draft.find("holdings", new["account"], new["number"])
        if present is None:
            draft.put("holdings", new)
        elif present["seq"] < new["seq"]:
            sums = _added(present, new, ("trades", "bought", "bought_value", "sold", "sold_value"))
            draft.change("holdings", present, seq=new["seq"], **sums)
        else:
            continue
        count += 1
    return count


def _added(present: Row, new: Row, names: Sequence[str]) -> Row:
    return {name: present[name] + new[name] for name in names}
