"""Which partition a new product goes to: the default of every Kafka client, so that other producers agree.

It counts once in a product's life, when it is listed. From then on the product lives where its number says.
"""

from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF
_WORD: Final = 4


def home(product_id: str, partitions: int) -> int:
    """The partition of a product that is new, where new ones are spread over so many."""
    if partitions <= 0:
        raise ValueError(f"partitions must be positive, not {partitions}")
    return (murmur2(product_id.encode()) & _POSITIVE) % partitions


def murmur2(data: bytes) -> int:
    """The Java client's hash, unsigned 32 bits."""
    hashed = _SEED ^ len(data)
    whole = len(data) - len(data) % _WORD
    for at in range(0, whole, _WORD):
        word = int.from_bytes(data[at : at + _WORD], "little") * _FACTOR & _MASK
        word = (word ^ word >> 24) * _FACTOR & _MASK
        hashed = hashed * _FACTOR & _MASK ^ word
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _MASK
    hashed = (hashed ^ hashed >> 13) * _FACTOR & _MASK
    return hashed ^ hashed >> 15
