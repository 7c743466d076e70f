"""A script in which every kind of event comes, and every reason for which an order is done."""

from libs.events.values import SelfTradePrevention, Side, TimeInForce, TradingStatus
from tests.unit.sim.script import Script

BUY, SELL = Side
CO, CN = SelfTradePrevention.CO, SelfTradePrevention.CN


def every_rule() -> Script:
    made = Script()
    made.list_product()
    made.limit("ice", "ann", SELL, 9, 101, floor=3)
    made.limit("s2", "bob", SELL, 5, 101)
    made.limit("b1", "cat", BUY, 5, 99)
    made.amend("s2", "bob", size=4)
    made.limit("b2", "cat", BUY, 8, 101)  # a slice of the iceberg, the whole of s2, one of the next slice
    made.amend("b1", "cat", price=98, size=6)
    made.limit("stop1", "dan", BUY, 2, 104, stop=102)
    made.market("stop2", "dan", BUY, 1, stop=102)
    made.market("stop3", "eve", SELL, funds=300, stop=97)
    made.amend("stop1", "dan", stop_price=103)
    made.limit("s3", "bob", SELL, 1, 102)
    made.limit("s4", "bob", SELL, 3, 103)
    made.limit("b3", "cat", BUY, 6, 102)  # the iceberg and s3; stop2 takes one of s4 then, and stop1 the rest
    _own_orders_and_time(made)
    _limits_and_statuses(made)
    return made


def _own_orders_and_time(made: Script) -> None:
    made.limit("own1", "ann", SELL, 4, 105)
    made.limit("own2", "ann", BUY, 3, 105)
    made.limit("own3", "ann", BUY, 3, 105, stp=CN)
    made.limit("own4", "ann", BUY, 3, 105, stp=CO, force=TimeInForce.IOC)
    made.limit("gtd", "eve", BUY, 2, 90, expires=20)
    made.switch("eve", 30)
    made.limit("e1", "eve", BUY, 2, 91)
    made.limit("e2", "eve", SELL, 2, 120)
    made.switch("bob", 40)
    made.switch("bob", 0)
    made.cancel("never", "cat")
    made.cancel("b2", "cat")
    made.amend("e1", "eve")
    made.wait(30)
    made.tick()
    made.cancel_all("cat", BUY)
    made.cancel_all("cat")
    made.limit("off", "cat", BUY, 2, 0)
    made.switch("cat", -1)
    made.do(made.commands[1])


def _limits_and_statuses(made: Script) -> None:
    made.market("m1", "cat", BUY, 9)
    made.update(price_collar=500)
    made.limit("s5", "bob", SELL, 1, 104)
    made.limit("s6", "bob", SELL, 1, 109)
    made.market("m2", "cat", BUY, 2)
    made.market("stop4", "dan", SELL, 1, stop=102)
    made.status(TradingStatus.LIMIT_ONLY)
    made.market("m3", "cat", BUY, 1)
    made.limit("s7", "bob", SELL, 1, 102)
    made.limit("b4", "cat", BUY, 1, 102)  # stop4 fires into a status that takes no market order
    made.status(TradingStatus.ONLINE)
    made.market("stop5", "dan", BUY, 1, stop=150)
    made.limit("gtd2", "cat", BUY, 1, 98, expires=1)
    made.grow(4)
    made.grow(2)
    made.list_product("DOGE-USD")
    made.wait(5)
    made.delist()
