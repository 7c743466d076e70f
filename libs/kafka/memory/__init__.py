"""The in-memory twin of the log: it passes the contract suite of the Kafka adapter, and is deterministic.

No threads, no randomness, and no time but the one it is given: everything happens in the order in which the loop runs
its callers, so a simulation is reproducible from its seed. What lapses with time (open transactions, silent group
members) lapses when somebody looks, and who waits is woken for it.
"""

from libs.kafka.memory.broker import Broker
from libs.kafka.memory.faults import Faults, PlannedFaults, Point
from libs.kafka.memory.log import MemoryLog
from libs.kafka.memory.waiting import LoopTime, Time, VirtualTime

__all__ = ["Broker", "Faults", "LoopTime", "MemoryLog", "PlannedFaults", "Point", "Time", "VirtualTime"]
