"""Products: their listing, their rules, their end, and what is kept of them after it."""

from dataclasses import dataclass

from msgspec.structs import replace

from libs.events.commands import ListProduct, SetClusterSize, SetTradingStatus, UpdateProduct
from libs.events.events import ClusterSizeChanged, ProductDelisted, ProductListed, ProductUpdated, TradingStatusChanged
from libs.events.partitioning import home
from libs.events.values import MAX_INTEGER, DoneReason, Product, RejectReason, TradingStatus
from tests.oracle.journal import Journal
from tests.oracle.market import Market
from tests.oracle.orders import end
from tests.oracle.parking import Lot
from tests.oracle.rejections import reject

NAME_LIMIT = 64
SCALE_LIMIT = 18
PARTITIONS = 256
COUNTER_LIMIT = 2**24 // PARTITIONS - 1
RULES = (
    "quote_increment",
    "base_increment",
    "min_size",
    "max_size",
    "min_notional",
    "price_collar",
    "reference_price",
    "max_open_orders",
)


@dataclass(frozen=True)
class Tombstone:
    sequence: int
    trade_id: int


class Listings:
    """The products of a partition."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.counter = 0
        self.cluster_size: int | None = None
        self.by_number: dict[int, Market] = {}
        self.tombstones: dict[str, Tombstone] = {}

    def list(self, command: ListProduct, journal: Journal) -> None:
        reason = self._reason(command)
        if reason is not None:
            reject(command, reason, self.by_number.get(command.number), journal)
            return
        self.counter += 1
        product = Product(
            command.product_id,
            self.counter * PARTITIONS + self.partition,
            self.partition,
            command.base_currency,
            command.quote_currency,
            command.price_scale,
            command.size_scale,
            command.quote_increment,
            command.base_increment,
            TradingStatus.ONLINE,
            *(getattr(command, name) for name in RULES[2:]),
        )
        before = self.tombstones.pop(command.product_id, Tombstone(0, 0))
        market = Market(product, before.sequence, before.trade_id)
        self.by_number[product.number] = market
        journal.public(market, ProductListed, product)

    def _reason(self, command: ListProduct) -> RejectReason | None:
        if any(market.product.product_id == command.product_id for market in self.by_number.values()):
            return RejectReason.PRODUCT_EXISTS
        names = (command.product_id, command.base_currency, command.quote_currency)
        scales = (command.price_scale, command.size_scale)
        if (
            not all(1 <= len(name) <= NAME_LIMIT for name in names)
            or not all(0 <= scale <= SCALE_LIMIT for scale in scales)
            or not make_sense(**{name: getattr(command, name) for name in RULES})
        ):
            return RejectReason.INVALID_PRODUCT
        is_new = command.product_id not in self.tombstones
        if is_new and self.cluster_size is not None and home(command.product_id, self.cluster_size) != self.partition:
            return RejectReason.WRONG_PARTITION
        return RejectReason.TOO_MANY_PRODUCTS if self.counter >= COUNTER_LIMIT else None

    def resize(self, command: SetClusterSize, market: Market | None, journal: Journal) -> None:
        shrinks = self.cluster_size is not None and command.partitions < self.cluster_size
        if shrinks or not self.partition < command.partitions <= PARTITIONS:
            reject(command, RejectReason.INVALID_CLUSTER_SIZE, market, journal)
            return
        self.cluster_size = command.partitions
        if market is None:
            journal.unlisted(command.number, ClusterSizeChanged, command.partitions)
        else:
            journal.private(market, ClusterSizeChanged, command.partitions)

    def delist(self, market: Market, lot: Lot, journal: Journal) -> None:
        for order in market.in_cancel_order():
            end(market, order, DoneReason.DELISTED, journal)
        lot.end_lines(lot.lines_in(market), journal)
        lot.forget_faults(market)
        market.product = replace(market.product, status=TradingStatus.DELISTED)
        journal.public(market, ProductDelisted, market.product)
        del self.by_number[market.number]
        self.tombstones[market.product.product_id] = Tombstone(market.sequence, market.trade_id)


def make_sense(**rules: int) -> bool:
    limits = [value for name, value in rules.items() if not name.endswith("_increment")]
    return (
        1 <= rules["quote_increment"] <= MAX_INTEGER
        and 1 <= rules["base_increment"] <= MAX_INTEGER
        and all(0 <= limit <= MAX_INTEGER for limit in limits)
        and (rules["max_size"] == 0 or rules["min_size"] <= rules["max_size"])
    )


def update(command: UpdateProduct, market: Market, journal: Journal) -> None:
    asked = {name: getattr(command, name) for name in RULES if getattr(command, name) is not None}
    product = replace(market.product, **asked)
    if not make_sense(**{name: getattr(product, name) for name in RULES}):
        reject(command, RejectReason.INVALID_PRODUCT, market, journal)
        return
    market.product = product
    journal.public(market, ProductUpdated, product)


def set_status(command: SetTradingStatus, market: Market, lot: Lot, journal: Journal) -> None:
    if command.status is TradingStatus.DELISTED:
        reject(command, RejectReason.INVALID_PRODUCT, market, journal)
        return
    lot.forget_faults(market)
    market.product = replace(market.product, status=command.status)
    journal.public(market, TradingStatusChanged, market.product)
