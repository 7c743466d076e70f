"""The processes of the exchange, in the order in which they stop, and the environment that each is given."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.endpoint import LOOPBACK, local
from deploy.local.child import Program
from deploy.local.logs import log_file
from deploy.local.secrets import VARIABLE as SECRETS_KEY
from deploy.local.secrets import secrets_key
from deploy.local.servers import Addresses
from deploy.local.settings import RUNNERS_OWN, LocalSettings

GATEWAY = "gateway"
PYTHON = (sys.executable, "-u")
STOP_MARGIN_MS = 200  # what a process needs to exit when its work is done


@dataclass(frozen=True)
class Service:
    """One process: its instance id, its module, its ports, and how long its orderly stop may take."""

    instance: str
    module: str
    admin_port: int
    http_port: int | None
    stop_stage: int
    stop_seconds: float


def services(settings: LocalSettings, ports: tuple[int, ...]) -> tuple[Service, ...]:
    """All of them. `ports` holds `ports_needed` numbers."""
    free = iter(ports)
    workers = tuple(
        Service(f"orderbook-worker-{number}", "services.orderbook_worker", next(free), None, 2, 2.5)
        for number in range(1, settings.workers + 1)
    )
    return (
        Service(GATEWAY, "deploy.gateway", next(free), settings.port, 0, 1.0),
        Service("order-api-1", "services.order_api", next(free), next(free), 1, 1.5),
        *workers,
        Service("read-model-builder-1", "services.read_model_builder", next(free), None, 3, 1.5),
        Service("query-api-1", "services.query_api", next(free), next(free), 3, 1.5),
    )


def ports_needed(settings: LocalSettings) -> int:
    """How many ports `services` hands out."""
    return settings.workers + 6


def program(
    service: Service, all_services: tuple[Service, ...], settings: LocalSettings, addresses: Addresses, lock: int
) -> Program:
    """How `service` is run."""
    return Program(
        service.instance,
        (*PYTHON, "-m", service.module),
        environment(service, all_services, settings, addresses),
        log_file(settings.data_dir / "logs", service.instance),
        (lock,),
    )


def environment(
    service: Service, all_services: tuple[Service, ...], settings: LocalSettings, addresses: Addresses
) -> Mapping[str, str]:
    """Ours, with what this process needs to know."""
    own = {
        "OUTCRY_INSTANCE": service.instance,
        "OUTCRY_ADMIN_PORT": str(service.admin_port),
        "OUTCRY_CLUSTER": settings.cluster,
        "OUTCRY_DATA_DIR": str(settings.data_dir),
        "OUTCRY_STOP_TIMEOUT_MS": str(int(service.stop_seconds * 1000) - STOP_MARGIN_MS),
    }
    if service.http_port is not None:
        own["OUTCRY_HTTP_PORT"] = str(service.http_port)
        own["OUTCRY_AUTH"] = settings.auth
    if service.instance == GATEWAY:
        own |= _upstreams(all_services)
    elif service.http_port is not None:
        own[SECRETS_KEY] = secrets_key(settings.data_dir)
    return _inherited() | addresses.as_environment() | own


def demo(settings: LocalSettings, addresses: Addresses, lock: int, api_key: Mapping[str, str]) -> Program:
    """Traffic for the exchange: a recorded market, its check, then simulated traders. It has the terminal.

    `api_key` holds the variables of the key that it signs with; none where nobody must sign.
    """
    return _simulation("the demo", ("demo",), settings, addresses, lock, api_key)


def chaos(settings: LocalSettings, addresses: Addresses, lock: int, options: tuple[str, ...]) -> Program:
    """Faults for the exchange while clients trade on it, and the proof that nothing was lost. It has the terminal."""
    return _simulation("chaos", ("chaos", *options), settings, addresses, lock, {})


def _simulation(
    name: str, words: tuple[str, ...], settings: LocalSettings, addresses: Addresses, lock: int, more: Mapping[str, str]
) -> Program:
    told = addresses.as_environment() | {
        "OUTCRY_CLUSTER": settings.cluster,
        "OUTCRY_DATA_DIR": str(settings.data_dir),
        "OUTCRY_PORT": str(settings.port),
        "OUTCRY_URL": f"http://{LOOPBACK}:{settings.port}",
    }
    return Program(name, (*PYTHON, "-m", "sim", *words), {**os.environ, **told, **more}, None, (lock,))


def _inherited() -> dict[str, str]:
    # A service warns of variables that it does not know; what is for the runner is not for it.
    return {name: value for name, value in os.environ.items() if name not in RUNNERS_OWN}


def _upstreams(all_services: tuple[Service, ...]) -> dict[str, str]:
    http = {service.module: local(service.http_port) for service in all_services if service.http_port is not None}
    others = (f"{each.instance}={local(each.admin_port)}" for each in all_services if each.instance != GATEWAY)
    return {
        "OUTCRY_GATEWAY_ORDER_API": str(http["services.order_api"]),
        "OUTCRY_GATEWAY_QUERY_API": str(http["services.query_api"]),
        "OUTCRY_GATEWAY_PROCESSES": ",".join(others),
    }
