"""What the read side answers, as OpenAPI has it: from the shapes of its answers."""

from typing import Final

import msgspec

from libs.events.values import FailureCause
from libs.read_model.candles import GRANULARITIES
from libs.read_model.status import Status
from libs.replays.tasks import State
from libs.service.openapi import ACCOUNT, Json, Operation, Parameter, text, whole, words
from services.query_api import shapes
from services.query_api.settings import QueryApiSettings

_LIMITS: Final = QueryApiSettings()
_ID: Final = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
_TIME: Final = text(
    r"^([0-9]{1,10}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+\-][0-9]{2}:[0-9]{2}))$"
)
_STATUSES: Final = [status.name.lower() for status in Status]

_PRODUCT: Final = Parameter("product_id", text(r"^[A-Z0-9\-]{1,32}$"), "A product id.", "path")
_CURRENCY: Final = Parameter("currency", text(r"^[A-Z0-9]{1,16}$"), "A currency.", "path")
_ORDER: Final = Parameter(
    "name", text(rf"^({_ID}|client:[A-Za-z0-9._\-]{{1,64}})$"), "An order id, or `client:` and a client_oid.", "path"
)
_ORDER_ID: Final = Parameter("name", text(rf"^{_ID}$"), "An order id.", "path")
_OF_PRODUCT: Final = Parameter("product_id", text(r"^[A-Z0-9\-/]{1,32}$"), "Of this product only.")
_OF_ACCOUNT: Final = Parameter("account", text(ACCOUNT), "Of this account: for operators, or one's own.")
_SIDE: Final = Parameter("side", words("buy", "sell"))
_LIMIT: Final = Parameter(
    "limit", whole(1, _LIMITS.page_limit), f"Items of the page, {_LIMITS.page_default} unless given."
)
_START: Final = Parameter("start", _TIME, "From this time on.")
_END: Final = Parameter("end", _TIME, "Up to this time.")
_START_DATE: Final = Parameter("start_date", _TIME, "From this time on.")
_END_DATE: Final = Parameter("end_date", _TIME, "Up to this time.")
_BEFORE: Final = Parameter("before", text(), "A cursor (`CB-BEFORE`): what is next to it and newer.")
_AFTER: Final = Parameter("after", text(), "A cursor (`CB-AFTER`): what is older.")
_BEFORE_TRADE: Final = Parameter("before", whole(0, 10**18 - 1), "A trade_id: what is next to it and newer.")
_AFTER_TRADE: Final = Parameter("after", whole(0, 10**18 - 1), "A trade_id: what is older.")
_RESUME: Final = Parameter("after", whole(0, 10**18 - 1), "The last trade_id that came: what is newer.")
_STATUS: Final = Parameter(
    "status",
    {"type": "array", "items": {"type": "string", "enum": [*_STATUSES, "all"]}},
    "Repeatable, or `all` alone; what stands unless given.",
)
_LEVEL: Final = Parameter("level", {"type": "integer", "enum": [1, 2, 3]}, "1 is the best, 2 all levels, 3 all orders.")
_GRANULARITY: Final = Parameter("granularity", {"type": "integer", "enum": list(GRANULARITIES)}, "Seconds of a candle.")
_WAIT: Final = Parameter(
    "wait",
    whole(0, _LIMITS.order_wait_ms // 1000),
    "Answer when something happens to it, after so many seconds at most.",
)
_EVENTS: Final = Parameter("limit", whole(1, _LIMITS.events_limit), "Events of the page.")
_FROM_SEQ: Final = Parameter("from_seq", whole(0, 10**18 - 1), "From this `seq` on.")

_LETTER: Final = Parameter(
    "name", text(r"^[0-9]{1,3}:[0-9]{1,18}$"), "A dead letter: partition and offset, such as `3:17`.", "path"
)
_DIED_OF: Final = Parameter("reason", words(*(cause.name.lower() for cause in FailureCause)), "Of this cause.")
_LETTER_STATE: Final = Parameter("state", words("open", "closed", "all"), "Open ones unless given.")
_SINCE: Final = Parameter("since", _TIME, "Died from this time on.")
_UNTIL: Final = Parameter("until", _TIME, "Died up to this time.")
_REPLAY_STATE: Final = Parameter("state", words(*State), "Those that are in this state.")
_AFTER_DEED: Final = Parameter("after", whole(0, 10**18 - 1), "The id of the last one seen: what is older.")
_TASK: Final = Parameter("task_id", text(), "The id of a plan.", "path")

_MARKET: Final = "market data"
_ORDERS: Final = "orders"
_ACCOUNTS: Final = "accounts"
_VENUE: Final = "venue"
_OPERATORS: Final = "operators"

Object = dict[str, msgspec.Raw]

OPERATIONS: Final = (
    Operation("get", "/products", "products", "Every product that is listed", _MARKET, list[shapes.Product]),
    Operation("get", "/products/{product_id}", "product", "A product", _MARKET, shapes.Product, parameters=(_PRODUCT,)),
    Operation(
        "get", "/products/{product_id}/book", "book", "The book", _MARKET, shapes.Book, parameters=(_PRODUCT, _LEVEL)
    ),
    Operation(
        "get", "/products/{product_id}/ticker", "ticker", "Last trade, best bid and ask", _MARKET, shapes.Ticker,
        parameters=(_PRODUCT,),
    ),
    Operation(
        "get", "/products/{product_id}/trades", "trades", "Trades, newest first", _MARKET, list[shapes.Trade],
        parameters=(_PRODUCT, _LIMIT, _BEFORE_TRADE, _AFTER_TRADE), pages=True,
    ),
    Operation(
        "get", "/products/{product_id}/trades.ndjson", "trade_stream",
        "Trades as a stream of lines, oldest first, of any length", _MARKET, str,
        parameters=(_PRODUCT, _START, _END, _RESUME), media_type="application/x-ndjson",
    ),
    Operation(
        "get", "/products/{product_id}/candles", "candles", "Candles, newest first", _MARKET, list[shapes.CandleShape],
        parameters=(_PRODUCT, _GRANULARITY, _START, _END),
    ),
    Operation(
        "get", "/products/{product_id}/stats", "stats", "The last 24 hours in numbers", _MARKET, shapes.Stats,
        parameters=(_PRODUCT,),
    ),
    Operation(
        "get", "/products/spark-lines", "spark_lines", "The hours of the last day, of every product", _MARKET,
        dict[str, list[shapes.SparkShape]],
    ),
    Operation("get", "/currencies", "currencies", "The currencies of all products", _MARKET, list[shapes.Currency]),
    Operation("get", "/currencies/{currency}", "currency", "A currency", _MARKET, shapes.Currency, parameters=(_CURRENCY,)),
    Operation(
        "get", "/orders", "orders", "Orders, newest first", _ORDERS, list[shapes.Order], "view", pages=True,
        parameters=(_STATUS, _OF_PRODUCT, _SIDE, _OF_ACCOUNT, _LIMIT, _BEFORE, _AFTER, _START_DATE, _END_DATE),
    ),
    Operation(
        "get", "/orders/{name}", "order", "An order", _ORDERS, shapes.Order, "view",
        parameters=(_ORDER, _WAIT),
    ),
    Operation(
        "get", "/orders/{name}/events", "order_events", "What happened to an order", _ORDERS, list[shapes.OrderEvent],
        "view", parameters=(_ORDER_ID, _EVENTS, _FROM_SEQ),
    ),
    Operation(
        "get", "/fills", "fills", "Trades of an account, newest first", _ORDERS, list[shapes.Fill], "view", pages=True,
        parameters=(
            Parameter("order_id", text(rf"^{_ID}$"), "Of this order only."), _OF_PRODUCT, _OF_ACCOUNT, _LIMIT, _BEFORE,
            _AFTER, _START_DATE, _END_DATE,
        ),
    ),
    Operation(
        "get", "/accounts", "accounts", "Balances by currency", _ACCOUNTS, list[shapes.Account], "view",
        parameters=(_OF_ACCOUNT,),
    ),
    Operation(
        "get", "/accounts/{currency}", "account", "The balance of a currency", _ACCOUNTS, shapes.Account, "view",
        parameters=(_CURRENCY, _OF_ACCOUNT),
    ),
    Operation(
        "get", "/holdings", "holdings", "What was bought and sold, by product", _ACCOUNTS, list[shapes.Holding], "view",
        parameters=(_OF_ACCOUNT,),
    ),
    Operation("get", "/fees", "fees", "What trading costs: nothing", _ACCOUNTS, shapes.Fees, "view"),
    Operation("get", "/time", "time", "The clock of the read side", _VENUE, shapes.Time),
    Operation("get", "/status", "status", "Whether all is followed, and the state of each product", _VENUE, shapes.Status),
    Operation("get", "/limits", "limits", "Rates, sizes and counts that are allowed", _VENUE, shapes.Limits),
    Operation(
        "get", "/operator/dead-letters", "dead_letters", "Commands that died, newest first", _OPERATORS, list[Object],
        "viewer", pages=True,
        parameters=(
            _OF_PRODUCT, Parameter("account", text(ACCOUNT), "Of this account."), _DIED_OF, _LETTER_STATE, _SINCE, _UNTIL,
            _LIMIT, _BEFORE, _AFTER,
        ),
    ),
    Operation(
        "get", "/operator/dead-letters/{name}", "dead_letter", "A dead letter, and what stands around it", _OPERATORS, Object,
        "viewer", parameters=(_LETTER,),
    ),
    Operation(
        "post", "/operator/dead-letters/{name}/dry-run", "dry_run", "What it would cause, were it replayed now", _OPERATORS,
        Object, "viewer", parameters=(_LETTER,),
    ),
    Operation(
        "get", "/operator/replays", "replays", "Plans, and the tasks that they became", _OPERATORS, list[Object], "viewer",
        parameters=(_REPLAY_STATE, _LIMIT),
    ),
    Operation(
        "get", "/operator/replays/{task_id}", "replay", "A plan, or the task that it became", _OPERATORS, Object, "viewer",
        parameters=(_TASK,),
    ),
    Operation(
        "get", "/operator/audit", "operator_audit", "What operators did, newest first", _OPERATORS, list[Object], "viewer",
        pages=True, parameters=(_LIMIT, _AFTER_DEED),
    ),
    Operation("get", "/positions", "positions", "How far the read side is", _VENUE, list[shapes.Position]),
)  # fmt: skip
SCHEMAS: Final[dict[str, Json]] = {}
