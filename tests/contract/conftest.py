"""Every contract runs on the twin and on the real server."""

import http.client
from collections.abc import Iterator

import pytest

from tests.contract.logs import Cluster, KafkaCluster, MemoryCluster

BUCKET = "snapshots"


@pytest.fixture(params=["memory", "kafka"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    if request.param == "memory":
        return MemoryCluster()
    return KafkaCluster(request.getfixturevalue("servers").kafka)


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
