"""Waiting for a server to listen."""

import asyncio
from typing import Final

_EVERY_S: Final = 0.05
_LIMIT_S: Final = 20.0


async def listening(port: int) -> None:
    """Until a local port takes connections; TimeoutError after a while."""
    async with asyncio.timeout(_LIMIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(_EVERY_S)
                continue
            writer.close()
            return
