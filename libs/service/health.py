"""What a process says of itself: each dependency asked alone, within a time limit, and whether it takes work.

A dependency that is not `critical` makes the process degraded, not down: it goes on without it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, TypeAlias

Probe: TypeAlias = Callable[[], Awaitable[None]]
"""Returns when the dependency answers, raises with the reason when it does not."""

Status: TypeAlias = Literal["ok", "degraded", "down"]


class Finding(NamedTuple):
    """What one probe found. `detail` is empty when it answered."""

    name: str
    critical: bool
    detail: str


class Report(NamedTuple):
    status: Status
    findings: list[Finding]


class Health:
    """Health (`/healthz`) and readiness (`/readyz`) of one process. It begins unready: `starting`."""

    def __init__(self, timeout_s: float = 2.0) -> None:
        self._timeout_s = timeout_s
        self._checks: dict[str, tuple[Probe, bool]] = {}
        self._unready: dict[str, str] = {"service": "starting"}

    def check(self, name: str, probe: Probe, *, critical: bool = True) -> None:
        """Ask `probe` about the dependency `name` at every report. A later one of the same name replaces it."""
        self._checks[name] = (probe, critical)

    def ready(self, flag: bool, reason: str = "", *, aspect: str = "service") -> None:
        """Whether work is welcome. Each aspect says so by itself; the process is ready when all are."""
        if flag:
            self._unready.pop(aspect, None)
        else:
            self._unready[aspect] = reason or "not ready"

    @property
    def is_ready(self) -> bool:
        return not self._unready

    @property
    def unready_reasons(self) -> dict[str, str]:
        """Aspect → reason; empty when ready."""
        return dict(self._unready)

    async def report(self) -> Report:
        findings = await asyncio.gather(*(self._examine(name) for name in self._checks))
        failed = [finding for finding in findings if finding.detail]
        if any(finding.critical for finding in failed):
            return Report("down", findings)
        return Report("degraded" if failed else "ok", findings)

    async def _examine(self, name: str) -> Finding:
        probe, critical = self._checks[name]
        try:
            async with asyncio.timeout(self._timeout_s):
                await probe()
        except TimeoutError:
            return Finding(name, critical, f"no answer within {self._timeout_s:g} s")
        except Exception as error:  # noqa: BLE001  # a probe's failure, whatever it is, is the finding
            return Finding(name, critical, str(error) or repr(error))
        return Finding(name, critical, "")
