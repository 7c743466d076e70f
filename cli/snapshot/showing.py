"""`outcry snapshot show`: what is inside of one."""

from collections.abc import Callable, Iterator

import msgspec

from cli.problem import CannotDo
from cli.snapshot.source import Source, chosen, none_such, seq_of
from cli.snapshot.texts import age, columns, moment, size
from libs.book.ladder import Ladder
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.snapshot import state_hash
from libs.events.decimals import to_text
from libs.snapshots.envelope import Opened, Refused
from libs.snapshots.restoring import restored
from libs.snapshots.snapshots import Refusal

_LEFT = frozenset((0, 2))
_HEADINGS = ("product", "number", "status", "bids", "best bid", "asks", "best ask", "trades", "sequence")


async def show_one(source: Source, partition: int, seq: int | None, json: bool, out: Callable[[str], object]) -> None:
    """The newest that holds, or the one after event `seq`. Raises CannotDo."""
    async with source.events() as reader:
        await chosen(reader, [partition])
    found = await _found(source, partition, seq)
    try:
        state = restored(found)
    except Refused as refused:
        raise CannotDo(f"The snapshot after event {found.head.seq} of {found.store} is refused: {refused}") from refused
    if json:
        out(msgspec.json.encode(_described(found, state)).decode())
        return
    for line in _lines(found, state, source.clock.now()):
        out(line)


async def _found(source: Source, partition: int, seq: int | None) -> Opened:
    everything = await source.everything(partition)
    for each in everything:
        if seq is None and isinstance(each, Refusal):
            continue
        if seq not in {None, seq_of(each)}:
            continue
        if isinstance(each, Refusal):
            raise CannotDo(f"The snapshot after event {each.seq} of {each.store} is refused: {each.why}")
        return each
    raise none_such(partition, seq, everything)


def _lines(found: Opened, state: PartitionState, now: int) -> Iterator[str]:
    head = found.head
    books = [state.products[number] for number in sorted(state.products)]
    yield f"partition {head.partition} of cluster {head.cluster}, after event {head.seq}, in {found.store}"
    yield f"  saved         {moment(head.saved_at)}, {age(now - head.saved_at)} ago"
    yield f"  goes on at    order-events/{head.partition} offset {head.next_event_offset}"
    yield f"  last command  orders/{head.partition} offset {state.command_offset}"
    yield f"  engine time   {moment(state.time)}"
    yield f"  rules         {state.rules}"
    yield f"  size          {size(head.size)}, state version {head.state_version}"
    yield f"  state hash    {state_hash(state)}"
    yield f"  window        {len(state.window)} commands"
    yield f"  products      {len(books)}, and {len(state.tombstones)} delisted"
    yield f"  orders        {sum(len(book.orders) for book in books)} open"
    if books:
        yield ""
        yield from columns([_HEADINGS, *map(_row, books)], left=_LEFT)


def _row(book: ProductBook) -> tuple[str, ...]:
    product = book.product
    return (
        product.product_id,
        str(product.number),
        product.status.name.lower(),
        str(_count(book.bids)),
        _best(book, book.bids),
        str(_count(book.asks)),
        _best(book, book.asks),
        str(book.trade_id),
        str(book.sequence),
    )


def _count(ladder: Ladder) -> int:
    return sum(level.count for level in ladder)


def _best(book: ProductBook, ladder: Ladder) -> str:
    return "-" if ladder.best is None else to_text(ladder.best.price, book.product.price_scale)


def _described(found: Opened, state: PartitionState) -> dict[str, object]:
    head = found.head
    return {
        "partition": head.partition,
        "cluster": head.cluster,
        "seq": head.seq,
        "store": found.store,
        "saved_at": head.saved_at,
        "next_event_offset": head.next_event_offset,
        "command_offset": state.command_offset,
        "engine_time": state.time,
        "rules": state.rules,
        "size": head.size,
        "state_version": head.state_version,
        "state_hash": state_hash(state),
        "window": len(state.window),
        "delisted": sorted(state.tombstones),
        "products": [
            {
                "product_id": book.product.product_id,
                "number": book.product.number,
                "status": book.product.status.name.lower(),
                "bids": _count(book.bids),
                "asks": _count(book.asks),
                "open_orders": len(book.orders),
                "trade_id": book.trade_id,
                "sequence": book.sequence,
            }
            for _, book in sorted(state.products.items())
        ],
    }
