"""Every contract runs on the twin and on the real server."""

import pytest

from tests.contract.logs import Cluster, KafkaCluster, MemoryCluster


@pytest.fixture(params=["memory", "kafka"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    if request.param == "memory":
        return MemoryCluster()
    return KafkaCluster(request.getfixturevalue("servers").kafka)
