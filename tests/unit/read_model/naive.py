"""The oracle of the projector: rows written one event at a time, as the reference page defines them."""

from libs.events import events as facts
from libs.events.events import AnyEvent
from libs.events.ids import partition_of
from libs.events.values import NO_ID, Side, TradingStatus
from libs.read_model.status import Status

Row = dict[str, object]
OrderEvent = (
    facts.OrderRested
    | facts.OrderReplenished
    | facts.StopArmed
    | facts.StopTriggered
    | facts.OrderAmended
    | facts.OrderDone
)


class NaiveTables:
    def __init__(self) -> None:
        self.orders: dict[bytes, Row] = {}
        self.products: dict[int, Row] = {}
        self.trades: dict[tuple[int, int], Row] = {}
        self.self_trades: list[tuple[bytes, int]] = []
        """Maker and seq of each that was prevented."""
        self.candles: dict[tuple[int, int, int], Row] = {}
        self.holdings: dict[tuple[str, int], Row] = {}
        self.events: list[tuple[int, int]] = []

    @property
    def open_orders(self) -> dict[bytes, object]:
        standing = (Status.PENDING, Status.OPEN, Status.ACTIVE)
        return {order_id: row["account"] for order_id, row in self.orders.items() if row["status"] in standing}

    def apply(self, event: AnyEvent, partition: int) -> None:
        self.events.append((partition, event.seq))
        if isinstance(event, facts.OrderAccepted):
            self._accept(event)
        elif isinstance(event, facts.OrderRejected | facts.CommandRejected):
            self._reject(event)
        elif isinstance(event, facts.OrderRested | facts.OrderReplenished):
            self._change(
                event, price=event.price, remaining=event.remaining, displayed=event.displayed, priority=event.seq
            )
        elif isinstance(event, facts.TradeExecuted):
            self._trade(event)
        elif isinstance(event, facts.SelfTradePrevented):
            self._prevent(event)
        elif isinstance(event, facts.StopArmed):
            self._change(event, status=Status.ACTIVE, displayed=0, priority=event.seq)
        elif isinstance(event, facts.StopTriggered):
            self._change(event, status=Status.OPEN)
        elif isinstance(event, facts.OrderAmended):
            self._amend(event)
        elif isinstance(event, facts.OrderDone):
            done = {"status": Status.DONE, "done_reason": event.reason, "done_at": event.time}
            self._change(event, remaining=event.remaining, displayed=0, **done)
        elif isinstance(event, facts.PRODUCT_EVENTS):
            self._put_product(event)
        if event.number in self.products:
            self.products[event.number] |= {"sequence": event.sequence, "seq": event.seq}

    def _accept(self, event: facts.OrderAccepted) -> None:
        replay = event.replay_of
        self.orders[event.order_id] = self._row(event) | {
            "side": event.side,
            "type": event.type,
            "time_in_force": event.time_in_force,
            "post_only": event.post_only,
            "price": event.price,
            "size": event.size,
            "funds": event.funds,
            "remaining": event.size,
            "displayed": event.size,
            "stp": event.stp,
            "stop_price": event.stop_price,
            "max_floor": event.max_floor,
            "expire_time": event.expire_time,
            "status": Status.OPEN,
            "replay_partition": replay.partition if replay else None,
            "replay_offset": replay.offset if replay else None,
        }

    def _reject(self, event: facts.OrderRejected | facts.CommandRejected) -> None:
        row = self._row(event) | {
            "status": Status.REJECTED,
            "reject_reason": event.reason,
            "first_order_id": event.first_order_id or None,
            "done_at": event.time,
        }
        if isinstance(event, facts.CommandRejected):
            if event.order_id == NO_ID or event.order_id != event.command_id or event.order_id in self.orders:
                return
        else:
            row |= {
                "side": event.side,
                "type": event.type,
                "time_in_force": event.time_in_force,
                "post_only": event.post_only,
                "price": event.price,
                "size": event.size,
                "funds": event.funds,
                "remaining": event.size,
                "stp": event.stp,
                "stop_price": event.stop_price,
                "max_floor": event.max_floor,
                "expire_time": event.expire_time,
            }
        self.orders[event.order_id] = row

    def _row(self, event: facts.OrderAccepted | facts.OrderRejected | facts.CommandRejected) -> Row:
        return {
            "order_id": event.order_id,
            "number": event.number,
            "partition": partition_of(event.number),
            "account": event.account,
            "client_oid": event.client_oid,
            "side": None,
            "type": None,
            "time_in_force": None,
            "post_only": False,
            "price": 0,
            "size": 0,
            "funds": 0,
            "remaining": 0,
            "displayed": 0,
            "filled_size": 0,
            "executed_value": 0,
            "taken_off": 0,
            "stp": None,
            "stop_price": 0,
            "max_floor": 0,
            "expire_time": 0,
            "priority": None,
            "created": event.time,
            "updated": event.time,
            "done_at": None,
            "done_reason": None,
            "reject_reason": None,
            "first_order_id": None,
            "replay_partition": None,
            "replay_offset": None,
            "first_seq": event.seq,
            "seq": event.seq,
        }

    def _amend(self, event: facts.OrderAmended) -> None:
        names = ("price", "size", "remaining", "displayed", "max_floor", "stop_price", "expire_time")
        place = {} if event.kept_place else {"priority": event.seq}
        self._change(event, **place, **{name: getattr(event, name) for name in names})

    def _change(self, event: OrderEvent, **changes: object) -> None:
        self.orders[event.order_id] |= changes | {"seq": event.seq, "updated": event.time}

    def _trade(self, event: facts.TradeExecuted) -> None:
        sides = (
            (event.maker_order_id, event.maker_remaining, event.maker_displayed),
            (event.taker_order_id, event.taker_remaining, event.taker_remaining),
        )
        for order_id, remaining, displayed in sides:
            row = self.orders[order_id]
            filled, value = row["filled_size"], row["executed_value"]
            assert isinstance(filled, int)
            assert isinstance(value, int)
            row |= {
                "remaining": remaining,
                "displayed": displayed,
                "filled_size": filled + event.size,
                "executed_value": value + event.price * event.size,
                "seq": event.seq,
                "updated": event.time,
            }
        names = ("number", "taker_side", "trade_id", "seq", "time", "price", "size", "maker_order_id", "taker_order_id")
        row = {name: getattr(event, name) for name in (*names, "maker_account", "taker_account")}
        self.trades[event.number, event.trade_id] = row | {"partition": partition_of(event.number)}
        self._chart(event)
        other = Side(3 - event.taker_side)
        for account, side in ((event.maker_account, other), (event.taker_account, event.taker_side)):
            self._hold(account, side, event)
        self.products[event.number] |= {
            "trade_id": event.trade_id,
            "last_price": event.price,
            "last_size": event.size,
            "last_time": event.time,
        }

    def _chart(self, event: facts.TradeExecuted) -> None:
        for seconds in (60, 300, 900, 3_600, 21_600, 86_400):
            start = event.time - event.time % (seconds * 1_000_000_000)
            row = self.candles.setdefault(
                (event.number, seconds, start),
                {
                    "number": event.number,
                    "granularity": seconds,
                    "time": start,
                    "open": event.price,
                    "high": event.price,
                    "low": event.price,
                    "first_trade_id": event.trade_id,
                    "volume": 0,
                    "value": 0,
                },
            )
            high, low, volume, value = (row[name] for name in ("high", "low", "volume", "value"))
            assert isinstance(high, int)
            assert isinstance(low, int)
            assert isinstance(volume, int)
            assert isinstance(value, int)
            row |= {
                "high": max(high, event.price),
                "low": min(low, event.price),
                "close": event.price,
                "last_trade_id": event.trade_id,
                "volume": volume + event.size,
                "value": value + event.price * event.size,
            }

    def _hold(self, account: str, side: Side, event: facts.TradeExecuted) -> None:
        names = ("trades", "seq", "bought", "bought_value", "sold", "sold_value")
        row = self.holdings.setdefault(
            (account, event.number), {"account": account, "number": event.number} | dict.fromkeys(names, 0)
        )
        verb = "bought" if side is Side.BUY else "sold"
        for name, more in (("trades", 1), (verb, event.size), (f"{verb}_value", event.price * event.size)):
            before = row[name]
            assert isinstance(before, int)
            row[name] = before + more
        row["seq"] = event.seq

    def _prevent(self, event: facts.SelfTradePrevented) -> None:
        sides = (
            (event.maker_order_id, event.maker_remaining, event.maker_displayed),
            (event.taker_order_id, event.taker_remaining, event.taker_remaining),
        )
        for order_id, remaining, displayed in sides:
            row = self.orders[order_id]
            taken_off = row["taken_off"]
            assert isinstance(taken_off, int)
            row |= {
                "remaining": remaining,
                "displayed": displayed,
                "taken_off": taken_off + event.size,
                "seq": event.seq,
                "updated": event.time,
            }
        self.self_trades.append((event.maker_order_id, event.seq))

    def _put_product(
        self,
        event: facts.ProductListed | facts.ProductUpdated | facts.TradingStatusChanged | facts.ProductDelisted,
    ) -> None:
        given = {name: getattr(event.product, name) for name in event.product.__struct_fields__}
        if isinstance(event, facts.ProductListed):
            before = [row for row in self.products.values() if row["product_id"] == event.product.product_id]
            assert all(row["status"] is TradingStatus.DELISTED for row in before)
            trade_id = before[-1]["trade_id"] if before else 0
            started = {"trade_id": trade_id, "last_price": 0, "last_size": 0, "last_time": 0, "listed": event.time}
            self.products[event.number] = given | started
        else:
            self.products[event.number] |= given
