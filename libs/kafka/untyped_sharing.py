"""How a group shares the partitions of a topic: in turn, and anew when the topic has grown.

The member that shares them out writes into each assignment how many there were, and the group keeps that for members
that come back. So every member can tell whether the topic has more by now, also where whoever shared them out is gone; and
one that asks to join with other metadata than before makes the group share anew, whoever leads it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from libs.kafka.untyped import Consumer


class _Metadata(NamedTuple):
    version: int
    subscription: list[str]
    user_data: bytes


class _Assignment(Protocol):
    version: int
    assignment: list[tuple[str, list[int]]]
    user_data: bytes


class Sharing:
    """Of one member, as aiokafka asks its assignors; they are classes there, and this one has a memory."""

    name: Final = "roundrobin"

    def __init__(self) -> None:
        self.shared = 0
        """Partitions of the present generation, all members' together; 0 while that is unknown."""
        self._asked = 0

    def ask_anew(self, consumer: Consumer) -> None:
        """Make the group share once more."""
        self._asked += 1
        consumer._coordinator.request_rejoin()  # type: ignore[attr-defined]  # private

    def assign(self, cluster: object, members: Mapping[str, object]) -> dict[str, object]:
        made: dict[str, _Assignment] = RoundRobinPartitionAssignor.assign(cluster, members)
        count = sum(len(partitions) for each in made.values() for _, partitions in each.assignment)
        return {
            member: ConsumerProtocolMemberAssignment(each.version, each.assignment, b"%d" % count)
            for member, each in made.items()
        }

    def metadata(self, topics: Iterable[str]) -> object:
        made: _Metadata = RoundRobinPartitionAssignor.metadata(topics)
        return ConsumerProtocolMemberMetadata(made.version, made.subscription, b"%d" % self._asked)

    def on_assignment(self, assignment: _Assignment) -> None:
        self.shared = int(assignment.user_data or 0)


def present_partitions(consumer: Consumer, topic: str) -> int:
    """As the newest metadata says; 0 while there is none."""
    return len(consumer.partitions_for_topic(topic) or ())  # type: ignore[attr-defined]  # untyped
