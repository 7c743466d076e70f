"""Balances of an account by currency, and holdings by product, out of what it traded and what its orders would take."""

from collections.abc import Iterable
from itertools import groupby

from libs.events.decimals import to_text
from libs.read_model.holdings import HoldingRow, HoldRow
from services.query_api.shapes import Account, Holding


class _Sum:
    """An exact sum of amounts of different scales."""

    def __init__(self) -> None:
        self.value = 0
        self.scale = 0

    def add(self, value: int, scale: int) -> None:
        if scale > self.scale:
            self.value *= 10 ** (scale - self.scale)
            self.scale = scale
        self.value += value * 10 ** (self.scale - scale)

    def text(self) -> str:
        return to_text(self.value, self.scale)


def accounts(name: str, traded: Iterable[HoldingRow], held: Iterable[HoldRow]) -> list[Account]:
    """By currency."""
    balances: dict[str, _Sum] = {}
    holds: dict[str, _Sum] = {}
    for row in traded:
        _sum(balances, row.base_currency).add(int(row.bought - row.sold), row.size_scale)
        value = int(row.sold_value - row.bought_value)
        _sum(balances, row.quote_currency).add(value, row.price_scale + row.size_scale)
    for hold in held:
        _sum(holds, hold.base_currency).add(int(hold.base), hold.size_scale)
        _sum(holds, hold.quote_currency).add(int(hold.quote), hold.price_scale + hold.size_scale)
    return [
        _account(name, currency, balances.get(currency) or _Sum(), holds.get(currency) or _Sum())
        for currency in sorted(balances.keys() | holds.keys())
    ]


def holdings(rows: Iterable[HoldingRow]) -> list[Holding]:
    """By product; rows come in this order, and a product that was listed anew is one."""
    return [_holding(name, list(lives)) for name, lives in groupby(rows, lambda row: row.product_id)]


def _sum(sums: dict[str, _Sum], currency: str) -> _Sum:
    return sums.setdefault(currency, _Sum())


def _account(name: str, currency: str, balance: _Sum, hold: _Sum) -> Account:
    available = _Sum()
    available.add(balance.value, balance.scale)
    available.add(-hold.value, hold.scale)
    return Account(currency, currency, balance.text(), hold.text(), available.text(), name, True)


def _holding(product_id: str, lives: Iterable[HoldingRow]) -> Holding:
    size, bought, bought_value, sold, sold_value = (_Sum() for _ in range(5))
    trades = 0
    for row in lives:
        sizes, values = row.size_scale, row.price_scale + row.size_scale
        trades += row.trades
        size.add(int(row.bought - row.sold), sizes)
        bought.add(int(row.bought), sizes)
        sold.add(int(row.sold), sizes)
        bought_value.add(int(row.bought_value), values)
        sold_value.add(int(row.sold_value), values)
    texts = (bought.text(), bought_value.text(), sold.text(), sold_value.text())
    return Holding(product_id, size.text(), trades, *texts)
