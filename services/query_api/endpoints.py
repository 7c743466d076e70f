"""Every path of query_api and what answers it: the one table that routes and the description are made of."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from services.query_api.account_answers import AccountAnswers
from services.query_api.chart_answers import ChartAnswers
from services.query_api.dead_letters.answers import DeadLetterAnswers
from services.query_api.listener import Listener
from services.query_api.market_answers import MarketAnswers
from services.query_api.order_answers import OrderAnswers
from services.query_api.sources import Answer, Sources
from services.query_api.trade_stream import TradeStreams
from services.query_api.venue_answers import VenueAnswers

Handler: TypeAlias = Callable[..., Awaitable[Answer]]
"""Takes the scope of a request and the parameter of its path, where it has one."""


class Endpoints:
    def __init__(self, sources: Sources, listener: Listener, dead_letters: DeadLetterAnswers) -> None:
        self._dead_letters = dead_letters
        self.market = MarketAnswers(sources)
        self.trade_streams = TradeStreams(sources)
        self._charts = ChartAnswers(sources)
        self._orders = OrderAnswers(sources)
        self._accounts = AccountAnswers(sources)
        self._venue = VenueAnswers(sources, listener)

    def routes(self) -> dict[str, Handler]:
        """But for the stream of trades, which is no answer of one piece."""
        return {
            "/time": self._venue.time,
            "/status": self._venue.status,
            "/limits": self._venue.limits,
            "/positions": self._venue.positions,
            "/asyncapi.json": self._venue.asyncapi,
            "/currencies": self._venue.currencies,
            "/currencies/{currency:str}": self._venue.currency,
            "/products": self.market.products,
            "/products/spark-lines": self._charts.spark_lines,
            "/products/{product_id:str}": self.market.product,
            "/products/{product_id:str}/book": self.market.book,
            "/products/{product_id:str}/ticker": self.market.ticker,
            "/products/{product_id:str}/trades": self.market.trades,
            "/products/{product_id:str}/candles": self._charts.candles,
            "/products/{product_id:str}/stats": self._charts.stats,
            "/orders": self._orders.orders,
            "/orders/{name:str}": self._orders.order,
            "/orders/{name:str}/events": self._orders.events,
            "/fills": self._orders.fills,
            "/accounts": self._accounts.accounts,
            "/accounts/{currency:str}": self._accounts.account,
            "/holdings": self._accounts.holdings,
            "/fees": self._accounts.fees,
            "/operator/dead-letters": self._dead_letters.letters,
            "/operator/dead-letters/{name:str}": self._dead_letters.letter,
            "/operator/replays": self._dead_letters.replays,
            "/operator/replays/{task_id:str}": self._dead_letters.replay,
            "/operator/audit": self._dead_letters.audit,
        }

    def posts(self) -> dict[str, Handler]:
        """What is asked with a body, and changes nothing."""
        return {"/operator/dead-letters/{name:str}/dry-run": self._dead_letters.dry_run}
