"""Products come, change and go. Each event carries the whole product after the change."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from libs.book.partition import PartitionState
from libs.book.product import ProductBook, in_cancel_order
from libs.events.commands import (
    Command,
    DelistProduct,
    ListProduct,
    SetClusterSize,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import (
    AnyEvent,
    ClusterSizeChanged,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    TradingStatusChanged,
)
from libs.events.ids import NUMBER_LIMIT, PARTITION_LIMIT
from libs.events.partitioning import home
from libs.events.values import DoneReason, Product, RejectReason, TradingStatus
from libs.matching.crossing import finish
from libs.matching.parking import end_lines
from libs.matching.products import listing_is_valid, updated
from libs.matching.rejections import only_header, reject

_PRODUCT_LIMIT: Final = NUMBER_LIMIT // PARTITION_LIMIT - 1


def list_product(state: PartitionState, command: ListProduct, book: ProductBook | None) -> list[AnyEvent]:
    reason = _listing_reason(state, command)
    if reason is not None:
        return [reject(state, command, book, reason)]
    product = Product(
        command.product_id,
        (state.counter + 1) * PARTITION_LIMIT + state.partition,
        state.partition,
        command.base_currency,
        command.quote_currency,
        command.price_scale,
        command.size_scale,
        command.quote_increment,
        command.base_increment,
        TradingStatus.ONLINE,
        command.min_size,
        command.max_size,
        command.min_notional,
        command.price_collar,
        command.reference_price,
        command.max_open_orders,
    )
    opened = state.list_product(product)
    return [_changed(ProductListed, state, command, opened, product)]


def _listing_reason(state: PartitionState, command: ListProduct) -> RejectReason | None:
    if command.product_id in state.listed:
        return RejectReason.PRODUCT_EXISTS
    if not listing_is_valid(command):
        return RejectReason.INVALID_PRODUCT
    if not _belongs_here(state, command.product_id):
        return RejectReason.WRONG_PARTITION
    if state.counter >= _PRODUCT_LIMIT:
        return RejectReason.TOO_MANY_PRODUCTS
    return None


def _belongs_here(state: PartitionState, product_id: str) -> bool:
    """A product of an earlier life comes back to where it was, however many partitions there are now."""
    size = state.cluster_size
    return not size or product_id in state.tombstones or home(product_id, size) == state.partition


def set_cluster_size(state: PartitionState, command: SetClusterSize, book: ProductBook | None) -> list[AnyEvent]:
    """Clusters grow and never shrink; the size that is already known is said once more."""
    if not max(state.cluster_size, state.partition + 1) <= command.partitions <= PARTITION_LIMIT:
        return [reject(state, command, book, RejectReason.INVALID_CLUSTER_SIZE)]
    state.cluster_size = command.partitions
    return [ClusterSizeChanged(*only_header(state, command, book), command.partitions)]


def update_product(state: PartitionState, command: UpdateProduct, book: ProductBook) -> list[AnyEvent]:
    product = updated(book.product, command)
    if product is None:
        return [reject(state, command, book, RejectReason.INVALID_PRODUCT)]
    book.adopt(product)
    return [_changed(ProductUpdated, state, command, book, product)]


def set_status(state: PartitionState, command: SetTradingStatus, book: ProductBook) -> list[AnyEvent]:
    if command.status is TradingStatus.DELISTED:
        return [reject(state, command, book, RejectReason.INVALID_PRODUCT)]
    product = replace(book.product, status=command.status)
    book.adopt(product)
    state.faults.pop(product.number, None)
    return [_changed(TradingStatusChanged, state, command, book, product)]


def delist_product(state: PartitionState, command: DelistProduct, book: ProductBook) -> list[AnyEvent]:
    """All orders end first, as by a cancel all over every account."""
    events: list[AnyEvent] = []
    account, key, sent = command.account, command.key, command.sent
    for order in in_cancel_order(book.orders.values()):
        finish(state, command.command_id, book, order, DoneReason.DELISTED, events, account, key, sent)
        account, key, sent = "", 0, 0
    lines = {parked.line for parked in state.parked.values() if parked.number == book.number}
    end_lines(state, command.command_id, lines, events, (account, key, sent))
    product = replace(book.product, status=TradingStatus.DELISTED)
    events.append(_changed(ProductDelisted, state, command, book, product, first=not events))
    state.delist(product)
    return events


def _changed(
    kind: type[ProductListed] | type[ProductUpdated] | type[TradingStatusChanged] | type[ProductDelisted],
    state: PartitionState,
    command: Command,
    book: ProductBook,
    product: Product,
    first: bool = True,
) -> AnyEvent:
    state.seq += 1
    book.sequence += 1
    return kind(
        state.seq,
        product.number,
        book.sequence,
        state.time,
        state.command_offset,
        command.command_id,
        True,
        command.account if first else "",
        command.key if first else 0,
        command.sent if first else 0,
        product,
    )
