"""`/healthz`, `/readyz` and `/metrics` of a process, on a port of their own, so that load never hides them."""

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from libs.service.health import Health
from libs.service.http import App, Receive, Scope, Send, respond

_JSON = (b"content-type", b"application/json")
_METRICS = (b"content-type", CONTENT_TYPE_LATEST.encode())


def admin_app(name: str, instance: str, health: Health, registry: CollectorRegistry) -> App:
    """The ASGI application of the admin port."""
    who = {"service": name, "instance": instance}

    async def healthz(send: Send) -> None:
        report = await health.report()
        checks = {
            found.name: {"status": "down" if found.detail else "ok", "critical": found.critical, "detail": found.detail}
            for found in report.findings
        }
        payload = {**who, "status": report.status, "checks": checks}
        await respond(send, 503 if report.status == "down" else 200, [_JSON], msgspec.json.encode(payload))

    async def readyz(send: Send) -> None:
        payload = {**who, "ready": health.is_ready, "reasons": health.unready_reasons}
        await respond(send, 200 if health.is_ready else 503, [_JSON], msgspec.json.encode(payload))

    async def metrics(send: Send) -> None:
        await respond(send, 200, [_METRICS], generate_latest(registry))

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        route = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}.get(scope["path"])
        if route is None:
            await respond(send, 404, [_JSON], b'{"paths":["/healthz","/readyz","/metrics"]}')
        else:
            await route(send)

    return app
