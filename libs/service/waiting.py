"""A wait with a limit: for something that may happen, and no longer than it is worth."""

import asyncio


async def until_set(event: asyncio.Event, seconds: float | None) -> None:
    """Returns when `event` is set, or so many seconds have passed; None is without a limit. Does not say which."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
