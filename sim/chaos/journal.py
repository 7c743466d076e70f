"""What the clients have met: every request with its beginning and end, and the newest position of each product."""

from array import array
from typing import NamedTuple

from sim.receipts import Promise


class Seen(NamedTuple):
    """The last answer of a product: when its request began, and where its command stands."""

    began: float
    partition: int
    offset: int


class Journal:
    """Times are `time.monotonic`."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.acknowledged = 0
        self.repeated = 0
        """Requests that were sent more than once until they were answered."""
        self._began = array("d")
        self._ended = array("d")

    def answered(self, began: float, ended: float, attempts: int) -> None:
        self._began.append(began)
        self._ended.append(ended)
        self.repeated += attempts > 1

    def promised(self, product: str, began: float, partition: int, offset: int) -> None:
        self.acknowledged += 1
        self.seen[product] = Seen(began, partition, offset)

    def longest(self, start: float, end: float) -> float:
        """Seconds of the longest request that was on its way between two moments. Requests end in about the order
        they are written down, so the search begins at the end."""
        found = 0.0
        for began, ended in zip(reversed(self._began), reversed(self._ended), strict=True):
            if ended < start:
                break
            if began <= end:
                found = max(found, ended - began)
        return found


class Trail:
    """One client's promises on one product, in the order in which it asked."""

    def __init__(self, account: str, product: str) -> None:
        self.account = account
        self.product = product
        self.partition = -1
        self.promises: list[Promise] = []
        self.places: dict[str, Promise] = {}
        """By client_oid."""
