"""The Java client's own test vectors, so that every Kafka client puts a product where we look for it."""

import pytest

from libs.events.partitioning import home, murmur2

# From org.apache.kafka.common.utils.UtilsTest.testMurmur2, as signed 32-bit integers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_the_hash_is_the_java_clients(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_the_partition_is_the_positive_hash_modulo_partitions(key: bytes, signed: int) -> None:
    assert home(key.decode(), 8) == (signed & 0x7FFFFFFF) % 8


def test_there_must_be_partitions() -> None:
    with pytest.raises(ValueError, match="positive"):
        home("key", 0)
