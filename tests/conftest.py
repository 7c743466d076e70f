"""Real servers for the tests that need them: one Kafka, one PostgreSQL and one Valkey a session.

They come from the same code as in the local run, live in a temporary directory, and are gone when the session
ends, however it ends. Addresses in the environment (`make servers` prints some) are used instead, which saves
the start; tests therefore never expect an empty server, and name what they create after themselves.
"""

import asyncio
import http.client
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import pytest

from deploy.local.servers import Addresses, Servers, given_addresses, short_temporary_directory

BUCKET = "snapshots"


def pytest_configure() -> None:
    """Let SIGTERM end the session as Ctrl-C does, with its fixtures torn down."""
    signal.signal(signal.SIGTERM, _end_session)


def _end_session(number: int, _frame: FrameType | None) -> None:
    pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """`.kafka` (host:port), `.postgres` (a URL for asyncpg and, after a change of scheme, SQLAlchemy), `.redis` (a URL)."""
    if os.environ.get("OUTCRY_SERVERS") == "docker":
        from deploy.local.containers import ContainerServers  # half a second, for those who ask for it

        with ContainerServers() as addresses:
            yield addresses
        return
    directory = short_temporary_directory()
    started = Servers(directory, given_addresses())
    # Whoever asks first may be in a loop of its own; and the servers end with the thread that started them.
    beside = ThreadPoolExecutor(1)
    try:
        yield beside.submit(asyncio.run, started.start()).result()
    finally:
        started.kill()
        beside.shutdown()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[tuple[str, str]]:
    """Address of a server that speaks S3, and a bucket there."""
    from moto.server import ThreadedMotoServer  # three seconds, for those who ask for it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        connection = http.client.HTTPConnection(host, port)
        connection.request("PUT", f"/{BUCKET}")
        assert connection.getresponse().status == 200
        connection.close()
        yield f"http://{host}:{port}", BUCKET
    finally:
        server.stop()
