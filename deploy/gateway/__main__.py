"""`python -m deploy.gateway`: the settings, the loop, the signals."""

import asyncio
import signal
import sys

import uvloop

from deploy.gateway.server import GatewayServer
from deploy.gateway.settings import GatewaySettings
from libs.service.settings import SettingsError


async def _serve(settings: GatewaySettings) -> None:
    gateway = GatewayServer(settings)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await gateway.start()
    await stopping.wait()
    await gateway.stop()


if __name__ == "__main__":
    try:
        given = GatewaySettings.read()
    except SettingsError as error:
        sys.exit(f"gateway: {error}")
    uvloop.run(_serve(given))
