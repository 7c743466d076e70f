"""Order and command ids: UUIDv7 (RFC 9562) in 16 bytes, whose last 24 bits are the product's number.

So an order id alone says which product and partition it belongs to, with no look-up. 50 random bits remain for each
millisecond and product.
"""

import hashlib
from typing import Final

PARTITION_LIMIT: Final = 256
NUMBER_LIMIT: Final = 1 << 24
_RANDOM_BITS: Final = 50
_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62


def mint(milliseconds: int, random_bits: int, number: int) -> bytes:
    """The id of a new command: time since the epoch in ms, at least 50 random bits, and the product's number."""
    high = (random_bits >> 38) & 0xFFF
    low = random_bits & 0x3F_FFFF_FFFF
    whole = (milliseconds << 80) | _VERSION | (high << 64) | _VARIANT | (low << 24) | number
    return whole.to_bytes(16, "big")


def number_of(order_id: bytes) -> int:
    """The product number an id carries; of an id from elsewhere, some number that fits no product or the wrong one."""
    return int.from_bytes(order_id[13:16], "big")


def partition_of(number: int) -> int:
    """The partition of `orders` and `order-events` in which a product lives for its whole life."""
    return number % PARTITION_LIMIT


def text(order_id: bytes) -> str:
    """The id as people and JSON see it: 8-4-4-4-12 hexadecimal digits; of `NO_ID`, the empty string."""
    digits = order_id.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}" if digits else ""


def parse(text_form: str) -> bytes:
    """The 16 bytes of an id in text form. Raises ValueError for anything but 32 hexadecimal digits, grouped or not."""
    digits = text_form.replace("-", "") if len(text_form) == 36 else text_form
    if len(digits) != 32 or not digits.isalnum():
        raise ValueError(f"not an id: {text_form[:64]!r}")
    return bytes.fromhex(digits)


def key_digest(account: str, number: int, key: str) -> int:
    """64 bits that stand for an idempotency key of an account in a product. Never 0, which means no key."""
    whole = f"{account}\0{number}\0{key}".encode()
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "big") or 1


def replay_key(partition: int, offset: int) -> int:
    """The key of every replay of a dead letter: its position, so that of two replays one is a duplicate."""
    return key_digest("", 0, f"dead letter {partition}:{offset}")
