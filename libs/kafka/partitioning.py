"""Which partition a key belongs to: the default of every Kafka client, so that other producers agree.

The hash is aiokafka's, which is the Java client's murmur2. It runs once per new product, never on a hot path.
"""

from libs.kafka.untyped import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` among `partitions`, as the Java client's default partitioner says."""
    if partitions <= 0:
        raise ValueError(f"partitions must be positive, not {partitions}")
    return (murmur2(key) & 0x7FFFFFFF) % partitions
