"""Follow a product's book over `/ws`, and check that nothing is missing.

    python docs/examples/book_over_a_socket.py ws://127.0.0.1:8080/ws BTC-USD

Needs `pip install websockets`. Prints the best bid and ask after every change; ends when a message is missing.
"""

import asyncio
import json
import sys
from decimal import Decimal
from zlib import crc32

from websockets.asyncio.client import connect

Side = dict[str, str]


def checksum(bids: Side, asks: Side) -> int:
    """CRC32 of the ten best levels of both sides, as text."""
    best = sorted(bids, key=Decimal, reverse=True)[:10], sorted(asks, key=Decimal)[:10]
    sides = (
        ",".join(f"{price}:{side[price]}" for price in prices) for side, prices in zip((bids, asks), best, strict=True)
    )
    return crc32("|".join(sides).encode())


async def follow(address: str, product_id: str, changes: int = sys.maxsize) -> tuple[Side, Side]:
    """Bids and asks (size by price) after so many changes."""
    bids: Side = {}
    asks: Side = {}
    sequence = -1
    async with connect(address) as socket:
        await socket.send(json.dumps({"type": "subscribe", "channels": ["level2"], "product_ids": [product_id]}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "error":
                raise SystemExit(message["reason"])
            if message["type"] == "snapshot":
                bids, asks = dict(message["bids"]), dict(message["asks"])
            elif message["type"] == "l2update":
                assert message["prev_sequence"] == sequence, "a message is missing"
                for side, price, size in message["changes"]:
                    levels = bids if side == "buy" else asks
                    levels[price] = size
                    if Decimal(size) == 0:
                        del levels[price]
                changes -= 1
            else:  # subscriptions; after `resync` comes a snapshot
                continue
            sequence = message["sequence"]
            assert message["checksum"] == checksum(bids, asks), "the book is another one"
            print(sequence, "bid", max(bids, key=Decimal, default="-"), "ask", min(asks, key=Decimal, default="-"))
            if changes <= 0:
                break
    return bids, asks


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2]))
