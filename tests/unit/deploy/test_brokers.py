"""One broker or three: what they share, and that a log of one is not taken for a log of three."""

from pathlib import Path

import pytest

from deploy.local.brokers import broker_directories, brokers
from deploy.local.kafka import replication
from deploy.local.problem import CannotRun
from deploy.local.servers import ports_used
from deploy.local.settings import LocalSettings

PORTS = (9001, 9002, 9003, 9004, 9005, 9006)


def test_three_brokers_are_one_cluster(tmp_path: Path) -> None:
    made = brokers(tmp_path, tmp_path / "logs", PORTS, ())
    assert [each.name for each in made] == ["Kafka-1", "Kafka-2", "Kafka-3"]
    assert [each.address for each in made] == ["127.0.0.1:9001", "127.0.0.1:9003", "127.0.0.1:9005"]
    assert len({each.cluster_id for each in made}) == 1
    assert len({each.directory for each in made}) == 3
    again = brokers(tmp_path, tmp_path / "logs", PORTS, ())
    assert again[0].cluster_id == made[0].cluster_id


def test_one_broker_is_called_kafka(tmp_path: Path) -> None:
    (alone,) = brokers(tmp_path, tmp_path / "logs", PORTS[:2], ())
    assert (alone.name, alone.directory) == ("Kafka", tmp_path / "kafka")


@pytest.mark.parametrize(("before", "now"), [(1, 3), (3, 1)])
def test_a_log_of_another_number_of_brokers_is_refused_by_name(tmp_path: Path, before: int, now: int) -> None:
    (tmp_path / broker_directories(before)[0]).mkdir()
    with pytest.raises(CannotRun, match=f"set OUTCRY_BROKERS={before}"):
        brokers(tmp_path, tmp_path / "logs", PORTS[: 2 * now], ())


def test_one_of_three_may_be_away() -> None:
    three = replication(3)
    assert (three["default.replication.factor"], three["min.insync.replicas"]) == ("3", "2")
    assert three["transaction.state.log.min.isr"] == "2"
    assert set(replication(1).values()) == {"1"}


def test_ports_for_all_servers() -> None:
    assert (ports_used(1), ports_used(3)) == (4, 8)


@pytest.mark.parametrize("text", ["2", "0", "4", "three"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(CannotRun, match="OUTCRY_BROKERS"):
        LocalSettings.read({"OUTCRY_BROKERS": text})
