"""The markets of a simulation: the recording's own, and as many more of the same."""

from typing import Final

import msgspec

from sim.exchange import Exchange, persistently

EIGHT: Final = ("BTC-USD", "BTC-EUR", "BTC-GBP", "BTC-JPY", "BTC-AUD", "BTC-SGD", "BTC-NOK", "BTC-MXN")
"""Of eight partitions each gets one of these, so that the load of eight products is even."""
MOST: Final = 64
LIST_LIMIT_S: Final = 15.0


def names(count: int) -> list[str]:
    """The first `count` products; the same ones every time."""
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} products are not between 1 and {MOST}")
    return [*EIGHT[:count], *(f"BTC{number}-USD" for number in range(len(EIGHT) + 1, count + 1))]


def listing(name: str, quote_increment: str = "0.01", base_increment: str = "0.00000001") -> bytes:
    """Dollars and cents (whatever the dollars are called), and coins with eight decimals, unless the market has others."""
    base, _, quote = name.partition("-")
    return msgspec.json.encode(
        {
            "id": name,
            "base_currency": base,
            "quote_currency": quote or "USD",
            "quote_increment": quote_increment,
            "base_increment": base_increment,
        }
    )


async def ensure_listed(exchange: Exchange, name: str, body: bytes | None = None) -> None:
    """List a product, as `body` says, unless it is there, and wait until it can be read."""

    async def attempt() -> None:
        if not await exchange.has_product(name):
            position = await exchange.list_product(body or listing(name), f"sim-list-{name}")
            await exchange.has_product(name, position)

    await persistently(attempt, LIST_LIMIT_S)
