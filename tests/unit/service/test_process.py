"""A process starts, tells of itself, stops when told, and fails with a code. Run as the real thing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec

_ROOT = Path(__file__).parents[3]
_PROGRAM = """
from libs.service.failures import Fatal
from libs.service.process import run
from libs.service.settings import Settings

async def main(process):
    async def away():
        raise OSError("refused")
    process.health.check("redis", away, critical=False)
    process.metrics.counter("orders_received_total", "Received").add(3)
    if process.settings.instance == "failing":
        raise Fatal("offset 7 of orders/3 is outside the log, which has 9 to 12")
    process.health.ready(True)
    process.log.info("up")
    await process.stop.wait()
    if process.settings.instance == "stuck":
        await __import__("asyncio").Event().wait()

run("example", Settings, main)
"""


@contextmanager
def _running(**environ: str) -> "Iterator[subprocess.Popen[str]]":
    base = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    given = base | environ | {"PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def _until(child: "subprocess.Popen[str]", event: str) -> dict[str, Any]:
    assert child.stdout is not None
    for line in child.stdout:
        found: dict[str, Any] = msgspec.json.decode(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"the process ended without {event!r}")


def test_it_lives_and_stops() -> None:
    with _running(OUTCRY_POSTGRES="postgresql://me:pw@db/x", OUTCRY_KAFKAA="x") as child:
        settings = _until(child, "settings")
        assert settings["service"] == "example"
        assert settings["postgres"] == "postgresql://me:***@db/x"
        assert "OUTCRY_KAFKA" in _until(child, "unknown variable")["detail"]
        address = _until(child, "admin")["address"]
        _until(child, "up")
        with urlopen(f"{address}/healthz") as answer:
            health = msgspec.json.decode(answer.read())
        assert health["status"] == "degraded"
        assert health["checks"]["redis"]["detail"] == "refused"
        with urlopen(f"{address}/readyz") as answer:
            assert msgspec.json.decode(answer.read())["ready"]
        with urlopen(f"{address}/metrics") as answer:
            assert b"orders_received_total 3.0" in answer.read()
        child.send_signal(signal.SIGTERM)
        assert _until(child, "ended")["code"] == 0
        assert child.wait() == 0


def test_it_fails_with_one_line() -> None:
    with _running(OUTCRY_INSTANCE="failing") as child:
        failed = _until(child, "failed")
        assert (failed["level"], failed["error"]) == ("error", "Fatal")
        assert "9 to 12" in failed["detail"]
        assert "exception" not in failed
        assert child.wait() == 1


def test_work_that_does_not_end_is_a_failure() -> None:
    with _running(OUTCRY_INSTANCE="stuck", OUTCRY_STOP_TIMEOUT_MS="50") as child:
        _until(child, "up")
        child.send_signal(signal.SIGINT)
        assert "0.05 s" in _until(child, "failed")["detail"]
        assert child.wait() == 1


def test_settings_that_do_not_fit() -> None:
    with _running(OUTCRY_ADMIN_PORT="none") as child:
        _, said = child.communicate()
        assert child.returncode == 2
        assert said.startswith("example: OUTCRY_ADMIN_PORT='none'")
