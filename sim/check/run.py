"""The whole check: wait until the read side has come to where `orders` ends, then compare partition by partition.

It holds while the exchange goes on: Postgres is read in one snapshot whose position is known, the API tells the
sequence of the book it shows, and the log is compared with each at exactly that point.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from libs.book.fold import Broken, fold
from libs.book.partition import PartitionState
from libs.events import topics
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Log, Record
from sim.check.books import compare_folded, compare_shown
from sim.check.commands import Commands
from sim.check.difference import Difference, same
from sim.check.log import opened, pieces
from sim.check.outcomes import Outcomes
from sim.check.report import Report
from sim.check.tables import Connection, Position, Tables, connected, open_products, positions
from sim.exchange import Book, Exchange, persistently
from sim.live import Live
from sim.receipts import EXPECTED, Receipts
from sim.settings import Addresses

SETTLE_S: Final = 300.0
LOOK_EVERY_S: Final = 0.2
PATIENCE_S: Final = 60.0


async def check(addresses: Addresses, exchange: Exchange, receipts: Sequence[Receipts], live: Live) -> Report:
    """Raise Difference for the first thing that is wrong."""
    began = time.monotonic()
    for each in receipts:
        unexpected = each.refused.keys() - EXPECTED
        same(f"refusals of {each.product} that this recording cannot give", set(), unexpected)
    log = KafkaLog(addresses.kafka, "outcry-check")
    report = Report()
    async with connected(addresses.postgres) as connection:
        await _settle(log, connection, live)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            shown_at = await positions(connection)
            shown = {name: await _book(exchange, name) for name in await open_products(connection)}
            for partition, position in sorted(shown_at.items()):
                live.show(f"checking partition {partition}")
                found = await Partition(log, partition, live).compare(connection, position, shown)
                _compare_receipts(found, receipts)
                report.add(found.outcomes)
    same("books the API shows of products the log has not", {}, shown)
    live.close()
    report.seconds = time.monotonic() - began
    return report


async def _book(exchange: Exchange, name: str) -> Book:
    return await persistently(lambda: exchange.book(name), PATIENCE_S)


async def _settle(log: Log, connection: Connection, live: Live) -> None:
    """Wait until Postgres has the outcome of every command that is in `orders` now."""
    async with opened(log, topics.ORDERS, committed=False) as reader:
        ends = {partition: (await reader.bounds(partition)).end for partition in await reader.partitions()}
    deadline = time.monotonic() + SETTLE_S
    while True:
        known = await positions(connection)
        behind = {
            partition: end - 1 - known[partition].command_offset if partition in known else end
            for partition, end in ends.items()
        }
        missing = {partition: count for partition, count in behind.items() if count > 0}
        if not missing:
            return
        if time.monotonic() > deadline:
            raise Difference(f"the read side is behind after {SETTLE_S:.0f} s: commands by partition {missing}")
        live.show(f"waiting for the read side, {sum(missing.values()):,} commands behind")
        await asyncio.sleep(LOOK_EVERY_S)


class Partition:
    """One partition's commands, events and books."""

    def __init__(self, log: Log, partition: int, live: Live) -> None:
        self.partition = partition
        self.asked = Commands(partition)
        self.outcomes = Outcomes(self.asked, partition)
        self._log = log
        self._live = live
        self._state = PartitionState(partition)
        self._touched: set[int] = set()
        """Numbers of the products that the present command is about: a deadline may come in any."""

    async def compare(self, connection: Connection, position: Position, shown: dict[str, Book]) -> "Partition":
        """Hold everything together. What the API has `shown` of this partition's products is taken out of the dict."""
        tables = Tables(connection, self.partition)
        if position.next_seq == 1:
            await tables.compare(self.outcomes)
        async with opened(self._log, topics.ORDER_EVENTS, committed=True) as reader:
            # Before the end of the commands is looked up, so that every event finds its command.
            end = (await reader.bounds(self.partition)).end
            await self._read_commands()
            async for records in pieces(reader, topics.ORDER_EVENTS, self.partition, end):
                await self._take(records, tables, position, shown)
        self._compare_end(position)
        return self

    async def _read_commands(self) -> None:
        async with opened(self._log, topics.ORDERS, committed=False) as reader:
            end = (await reader.bounds(self.partition)).end
            async for records in pieces(reader, topics.ORDERS, self.partition, end):
                self.asked.add(records)
                self._live.show(f"partition {self.partition}: {len(self.asked):,} commands read")

    async def _take(
        self, records: Sequence[Record], tables: Tables, position: Position, shown: dict[str, Book]
    ) -> None:
        found, state, last = self.outcomes, self._state, position.next_seq - 1
        for record in records:
            event = found.read(record)
            self._touched.add(event.number)
            try:
                fold(state, event)
            except Broken as broken:
                raise Difference(str(broken)) from broken
            if event.last:
                if event.seq == last:
                    self._live.show(f"partition {self.partition}: comparing with Postgres")
                    await tables.compare(found)
                for number in self._touched if shown else ():
                    self._compare_shown(number, shown)
                self._touched.clear()
        self._live.show(f"partition {self.partition}: {found.seq:,} events read")

    def _compare_shown(self, number: int, shown: dict[str, Book]) -> None:
        product = self.outcomes.products.get(number)
        book = None if product is None else shown.get(product.product_id)
        if product is None or book is None or self.outcomes.sequences[product.product_id] != book.sequence:
            return
        compare_shown(product, self.outcomes.books[number], book)
        del shown[product.product_id]

    def _compare_end(self, position: Position) -> None:
        found = self.outcomes
        where = f"order-events/{self.partition}"
        same(f"{where} ends at the last event of a command", True, found.between)
        if found.seq < position.next_seq - 1 or found.command < position.command_offset:
            raise Difference(f"{where} ends at event {found.seq}, and Postgres is at {position.next_seq - 1}")
        for number, product in found.products.items():
            compare_folded(self._state, number, product, found.books[number])
            bought, sold, traded = found.books[number].totals()
            same(f"{product.product_id}: size bought and sold is size traded", (traded, traded), (bought, sold))


def _compare_receipts(found: Partition, receipts: Sequence[Receipts]) -> None:
    """Every 202 stands in `orders` where it was said to be, and is decided; `Outcomes` has seen that it is so once."""
    for receipt in receipts:
        if receipt.partition != found.partition:
            continue
        for offset, command_id in (receipt[at] for at in range(len(receipt))):
            what = f"command {found.partition}:{offset}, which was answered with 202"
            if offset > found.outcomes.command:
                raise Difference(f"{what}: no outcome")
            same(what, command_id.hex(), found.asked.identity(offset).hex())
