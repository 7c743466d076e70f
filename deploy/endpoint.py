"""An address in the network, as settings write it: `host:port`."""

from typing import NamedTuple

LOOPBACK = "127.0.0.1"


class Endpoint(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    @staticmethod
    def parse(text: str) -> "Endpoint":
        """Of `order-api:8080`."""
        host, colon, port = text.strip().rpartition(":")
        if not (host and colon and port.isdigit()):
            raise ValueError(f"{text!r} is not host:port")
        return Endpoint(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def local(port: int) -> Endpoint:
    """A port of this machine."""
    return Endpoint(LOOPBACK, port)
