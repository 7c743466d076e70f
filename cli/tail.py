"""`outcry events tail`: committed events as they come, of one product or all, for people or as JSON lines."""

import difflib
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from cli.lines import line
from cli.problem import CannotDo
from cli.start import Start, offset
from libs.events import topics
from libs.events.codec import Unreadable, decode_product
from libs.events.events import ClusterSizeChanged
from libs.events.tail import Follower
from libs.events.values import Product
from libs.kafka.ports import Log, LogReader

POLL_RECORDS: Final = 2_000
POLL_S: Final = 0.5


class Wanted(NamedTuple):
    """What to show. `follow` goes on at the end of the log instead of stopping there."""

    product: str | None
    start: Start
    json: bool
    follow: bool


def write(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")


async def tail(log: Log, wanted: Wanted, out: Callable[[str], None] = write) -> None:
    """Until cancelled, or to the present end of the log. Raises CannotDo for a product that is not there."""
    follower = Follower()
    products = await _registry(log)
    for each in products.values():
        follower.know(each)
    chosen = None if wanted.product is None else _chosen(products, wanted.product)
    reader = log.reader(topics.ORDER_EVENTS)
    await reader.start()
    try:
        partitions = await reader.partitions() if chosen is None else [chosen.partition]
        ends = {partition: (await reader.bounds(partition)).end for partition in partitions}
        reader.assign({partition: await offset(reader, partition, wanted.start) for partition in partitions})
        await _show(reader, follower, wanted, ends, out)
    finally:
        await reader.stop()


async def _show(
    reader: LogReader, follower: Follower, wanted: Wanted, ends: dict[int, int], out: Callable[[str], None]
) -> None:
    while wanted.follow or any(reader.position(partition) < end for partition, end in ends.items()):
        for partition, records in (await reader.poll(POLL_RECORDS, POLL_S)).items():
            for record in records:
                if not wanted.follow and record.offset >= ends[partition]:
                    break
                event = follower.read(record.value or b"")
                if isinstance(event, ClusterSizeChanged) and wanted.follow and wanted.product is None:
                    _follow_all(reader, ends, event.partitions)
                described = follower.describe(event)
                if wanted.product in (None, described.get("product_id")):
                    out(msgspec.json.encode(described).decode() if wanted.json else line(described))
        sys.stdout.flush()


def _follow_all(reader: LogReader, ends: dict[int, int], partitions: int) -> None:
    """New partitions are shown from their beginning."""
    missing = [partition for partition in range(partitions) if partition not in ends]
    if missing:
        reader.assign({at: reader.position(at) for at in ends} | dict.fromkeys(missing, 0))
        ends.update(dict.fromkeys(missing, 0))


def _chosen(products: dict[str, Product], name: str) -> Product:
    if name in products:
        return products[name]
    near = difflib.get_close_matches(name.upper(), products, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(products)) or 'none yet'}"
    raise CannotDo(f"No product {name} was ever listed: {advice}")


async def _registry(log: Log) -> dict[str, Product]:
    """Every product ever listed, by id."""
    reader = log.reader(topics.PRODUCTS)
    await reader.start()
    found: dict[str, Product] = {}
    try:
        partitions = await reader.partitions()
        bounds = {partition: await reader.bounds(partition) for partition in partitions}
        reader.assign({partition: each.start for partition, each in bounds.items()})
        while any(reader.position(partition) < each.end for partition, each in bounds.items()):
            for records in (await reader.poll(POLL_RECORDS, POLL_S)).values():
                for record in records:
                    _learn(found, record.value)
    finally:
        await reader.stop()
    return found


def _learn(found: dict[str, Product], value: bytes | None) -> None:
    """Records about the cluster itself stand in the topic too: they are no products."""
    try:
        product: Product = decode_product(value or b"")
    except Unreadable:
        return
    found[product.product_id] = product
