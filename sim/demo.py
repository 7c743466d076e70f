"""The demo: a real market's half hour, the proof that it went in right, and then a market that lives on.

Started on an exchange that has the recording already, it sends nothing twice: the replay finds that it is in. It runs
at full speed by default, since a stranger sees a market move within seconds and waits half a minute for the proof;
at ten times the real speed he would wait three minutes.
"""

from sim.check.report import Report
from sim.check.run import check
from sim.exchange import Exchange
from sim.live import Live
from sim.products import names
from sim.receipts import Receipts
from sim.runs import Wanted, replay
from sim.settings import Addresses
from sim.traders import trade


async def demo(
    addresses: Addresses, exchange: Exchange, live: Live, products: int, speed: float | None, rate: float, seed: int
) -> None:
    """Until cancelled. Raises Difference when the check fails."""
    receipts = await replay(exchange, live, products, Wanted(speed))
    tell(await check(addresses, exchange, receipts, live), receipts, live)
    await trade(exchange, live, names(products), rate, seed)


def tell(report: Report, receipts: list[Receipts], live: Live) -> None:
    """The report, and how long it took."""
    for line in report.lines(receipts):
        live.say(f"  {line}")
    live.say(f"the check holds ({report.seconds:.1f} s)")
