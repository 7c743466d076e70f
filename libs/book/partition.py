"""Everything a partition's owner knows: what the next decision depends on, and nothing else."""

from __future__ import annotations

import msgspec

from libs.book.parked import Faults, ParkedCommands
from libs.book.product import ProductBook
from libs.book.window import Window
from libs.events.ids import PARTITION_LIMIT
from libs.events.values import Product


class Tombstone(msgspec.Struct, frozen=True, array_like=True):
    """What a delisted product leaves behind, so that its counters never start again."""

    product: Product
    sequence: int
    trade_id: int


class PartitionState:
    __slots__ = (
        "cluster_size",
        "command_offset",
        "counter",
        "dead_letters",
        "faults",
        "listed",
        "parked",
        "partition",
        "products",
        "rules",
        "seq",
        "time",
        "tombstones",
        "window",
    )

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.seq = 0
        """Of the last event."""
        self.time = 0
        """Engine time, ns."""
        self.command_offset = -1
        """Of the last command decided; the next one stands behind it."""
        self.rules = 0
        """The version of the rules that decides; 0 before the first."""
        self.cluster_size = 0
        """Partitions that new products are spread over; 0 while nobody has said so."""
        self.counter = 0
        """Products ever listed here."""
        self.products: dict[int, ProductBook] = {}
        """By number."""
        self.listed: dict[str, int] = {}
        """Numbers by product id."""
        self.tombstones: dict[str, Tombstone] = {}
        self.window = Window()
        self.parked = ParkedCommands()
        self.dead_letters: dict[int, int] = {}
        """How many replays each open one has behind it, by its offset in `orders`, in log order."""
        self.faults = Faults()

    def next_deadline(self) -> int | None:
        """Engine time, ns, of what is due first in any product; None where nothing will be."""
        due = [book.deadlines.next for book in self.products.values() if book.deadlines.earliest()]
        return min(due, default=None)

    def list_product(self, product: Product) -> ProductBook:
        """Open a book for a new product, with the counters of its last life."""
        before = self.tombstones.pop(product.product_id, None)
        book = ProductBook(product) if before is None else ProductBook(product, before.sequence, before.trade_id)
        self.products[product.number] = book
        self.listed[product.product_id] = product.number
        self.counter = product.number // PARTITION_LIMIT
        return book

    def delist(self, product: Product) -> None:
        """Close the book of a product and keep its counters."""
        book = self.products.pop(product.number)
        self.faults.pop(product.number, None)
        del self.listed[product.product_id]
        self.tombstones[product.product_id] = Tombstone(product, book.sequence, book.trade_id)
