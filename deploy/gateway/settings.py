"""Settings of the gateway; every limit is named here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.endpoint import LOOPBACK, Endpoint
from libs.service.settings import SettingsError, is_loopback


@dataclass(frozen=True)
class GatewaySettings:
    """Addresses, and the limits within which a stranger's bytes are held."""

    port: int
    admin_port: int
    order_api: Endpoint
    query_api: Endpoint
    processes: Mapping[str, Endpoint]
    host: str = LOOPBACK
    max_connections: int = 1024
    max_tunnels: int = 8192
    """WebSockets at once. Each has two connections."""
    max_upstream_connections: int = 256
    max_waiting: int = 1024
    max_head_bytes: int = 32 * 1024
    max_body_bytes: int = 4 * 1024 * 1024
    max_queued_requests: int = 16
    read_seconds: float = 15.0
    keep_alive_seconds: float = 75.0
    answer_seconds: float = 30.0
    connect_seconds: float = 2.0
    # Shorter than what an upstream waits before it hangs up, so that no request meets a closing connection.
    upstream_idle_seconds: float = 2.0
    drain_seconds: float = 2.0
    stop_seconds: float = 0.8

    @staticmethod
    def read(environment: Mapping[str, str] = os.environ) -> "GatewaySettings":
        """`OUTCRY_GATEWAY_PROCESSES` names what health is asked of: `order-api-1=order-api:9000,…`.

        Raises SettingsError where strangers could ask and nobody must say who they are.
        """
        host = environment.get("OUTCRY_HOST", LOOPBACK)
        if environment.get("OUTCRY_AUTH") != "required" and not is_loopback(host):
            raise SettingsError(
                "OUTCRY_HOST",
                host,
                "without authentication the gateway answers this machine alone",
                f"{LOOPBACK} would do, or OUTCRY_AUTH=required",
            )
        pairs = (pair.partition("=") for pair in environment["OUTCRY_GATEWAY_PROCESSES"].split(",") if pair)
        return GatewaySettings(
            port=int(environment["OUTCRY_HTTP_PORT"]),
            admin_port=int(environment["OUTCRY_ADMIN_PORT"]),
            order_api=Endpoint.parse(environment["OUTCRY_GATEWAY_ORDER_API"]),
            query_api=Endpoint.parse(environment["OUTCRY_GATEWAY_QUERY_API"]),
            processes={name.strip(): Endpoint.parse(process) for name, _, process in pairs},
            host=host,
        )
