"""What an account bought and sold of each product, and what its open orders would take: the ground of its balances."""

from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import bindparam, case, func, literal, select

from libs.events.values import Side
from libs.read_model.compiled import Query
from libs.read_model.connect import AnyConnection
from libs.read_model.schema import holdings, open_orders, orders, products


class HoldingRow(NamedTuple):
    number: int
    product_id: str
    base_currency: str
    quote_currency: str
    price_scale: int
    size_scale: int
    trades: int
    bought: Decimal
    bought_value: Decimal
    sold: Decimal
    sold_value: Decimal


class HoldRow(NamedTuple):
    """What the open orders of one product would take if all of them were filled: of the base, and of the quote."""

    base_currency: str
    quote_currency: str
    price_scale: int
    size_scale: int
    base: Decimal
    quote: Decimal


def _of_account() -> Query:
    of_product = {"product_id", "base_currency", "quote_currency", "price_scale", "size_scale"}
    columns = [products.c[name] if name in of_product else holdings.c[name] for name in HoldingRow._fields]
    return Query(
        select(*columns)
        .select_from(holdings.join(products, holdings.c.number == products.c.number))
        .where(holdings.c.account == bindparam("account"))
        .order_by(products.c.product_id, holdings.c.number)
    )


def _held() -> Query:
    """A buy takes its limit times what remains, or its funds; a sell what remains. A stop to buy at the market takes nothing."""
    zero = literal(0)
    value = orders.c.remaining * func.cast(orders.c.price, orders.c.executed_value.type) + orders.c.funds
    base = func.sum(case((orders.c.side == Side.SELL, orders.c.remaining), else_=zero))
    quote = func.sum(case((orders.c.side == Side.BUY, value), else_=zero))
    names = [products.c[name] for name in HoldRow._fields[:4]]
    return Query(
        select(*names, base, quote)
        .select_from(
            open_orders.join(orders, open_orders.c.order_id == orders.c.order_id).join(
                products, orders.c.number == products.c.number
            )
        )
        .where(open_orders.c.account == bindparam("account"))
        .group_by(*names)
    )


_OF_ACCOUNT: Final = _of_account()
_HELD: Final = _held()


async def account_holdings(connection: AnyConnection, account: str) -> list[HoldingRow]:
    return [HoldingRow(*row) for row in await _OF_ACCOUNT.fetch(connection, account=account)]


async def account_holds(connection: AnyConnection, account: str) -> list[HoldRow]:
    return [HoldRow(*row) for row in await _HELD.fetch(connection, account=account)]
