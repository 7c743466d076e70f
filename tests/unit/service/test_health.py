"""Each dependency is asked alone and in time; readiness is a matter of every aspect."""

import asyncio

from libs.service.health import Health


async def _fine() -> None:
    return


async def _broken() -> None:
    raise OSError("refused")


async def _stuck() -> None:
    await asyncio.Event().wait()


def test_all_well() -> None:
    health = Health()
    health.check("kafka", _fine)
    report = asyncio.run(health.report())
    assert report.status == "ok"
    assert [finding.detail for finding in report.findings] == [""]


def test_a_dependency_one_can_do_without_degrades() -> None:
    health = Health()
    health.check("kafka", _fine)
    health.check("redis", _broken, critical=False)
    report = asyncio.run(health.report())
    assert report.status == "degraded"
    assert report.findings[1].detail == "refused"


def test_one_that_hangs_counts_as_down_after_its_limit() -> None:
    health = Health(timeout_s=0.01)
    health.check("postgres", _stuck)
    health.check("kafka", _fine)
    report = asyncio.run(health.report())
    assert report.status == "down"
    assert report.findings[0].detail == "no answer within 0.01 s"
    assert report.findings[1].detail == ""


def test_ready_when_every_aspect_is() -> None:
    health = Health()
    assert health.unready_reasons == {"service": "starting"}
    health.ready(True)
    health.ready(False, "2,500 ms ahead", aspect="clock")
    assert not health.is_ready
    assert health.unready_reasons == {"clock": "2,500 ms ahead"}
    health.ready(True, aspect="clock")
    assert health.is_ready
