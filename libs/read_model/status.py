"""What has become of an order, as `orders.status` holds it. Numbers never change their meaning."""

from enum import IntEnum


class Status(IntEnum):
    PENDING = 1
    """Accepted for a later decision: its command is parked."""
    OPEN = 2
    """In the book."""
    ACTIVE = 3
    """A stop that waits for its price."""
    DONE = 4
    REJECTED = 5
