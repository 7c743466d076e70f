"""What goes wrong over HTTP, as `application/problem+json` (RFC 9457), from one catalogue used by both APIs.

A `code` is stable: clients branch on it. `message` repeats the title in words that CCXT's `coinbaseexchange` knows.
`docs/reference/errors.md` is generated from the catalogue.
"""

from typing import Final, NamedTuple

import msgspec

CONTENT_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:outcry:problem:"
_DETAIL_LIMIT: Final = 400


class Kind(NamedTuple):
    """One entry of the catalogue."""

    code: str
    status: int
    title: str
    meaning: str
    retryable: bool = False
    message: str = ""
    """What CCXT is told; the title unless given."""


class Problem(Exception):
    """Answers a request with an error. `field` names the offending input, as the client wrote it."""

    def __init__(
        self, kind: Kind, detail: str = "", field: str = "", *, retry_after_s: int = 1, close: bool = False
    ) -> None:
        super().__init__(f"{kind.code}: {detail or kind.title}")
        self.kind = kind
        self.detail = detail[:_DETAIL_LIMIT]
        self.field = field
        self.retry_after_s = retry_after_s
        """Sent with a 503 and a 429."""
        self.close = close
        """Whether the connection ends with the answer, since what else is on it will not be read."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an error, and an item of a batch's results."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    field: str | None
    request_id: str
    retryable: bool


def document(problem: Problem, request_id: str) -> Document:
    kind = problem.kind
    return Document(
        type=TYPE_PREFIX + kind.code,
        title=kind.title,
        status=kind.status,
        detail=problem.detail or kind.meaning,
        code=kind.code,
        message=kind.message or kind.title,
        field=problem.field or None,
        request_id=request_id,
        retryable=kind.retryable,
    )


_encoder: Final = msgspec.json.Encoder()


def body(problem: Problem, request_id: str) -> bytes:
    return _encoder.encode(document(problem, request_id))


# The request as a whole
BODY_REQUIRED: Final = Kind("body_required", 400, "Body required", "The request has no body where one is needed.")
BODY_TOO_LARGE: Final = Kind(
    "body_too_large", 413, "Body too large", "The body exceeds the limit; it was not read to its end."
)
MALFORMED_JSON: Final = Kind("malformed_json", 400, "Malformed JSON", "The body is no JSON text.")
NOT_AN_OBJECT: Final = Kind("not_an_object", 400, "Not an object", "The body must be a JSON object.")
NOT_FOUND: Final = Kind("not_found", 404, "No such resource", "Nothing is at this path.", message="NotFound")
METHOD_NOT_ALLOWED: Final = Kind(
    "method_not_allowed",
    405,
    "Method not allowed",
    "The path exists, but not for this method; `Allow` lists those that do.",
)
INTERNAL: Final = Kind(
    "internal_error",
    500,
    "Internal error",
    "A fault of the service; its log has the request id. Whether the request was carried out is not known.",
    retryable=True,
)

# Who asks
INVALID_ACCOUNT: Final = Kind(
    "invalid_account", 400, "Invalid account", "`Outcry-Account` is 1 to 64 letters, digits, `.`, `_`, `:` or `-`."
)
INVALID_ROLE: Final = Kind(
    "invalid_role",
    400,
    "Invalid role",
    "`Outcry-Role` is `operator`, `viewer`, `replayer` or `editor`, or not sent.",
)
OPERATOR_ONLY: Final = Kind(
    "operator_only",
    403,
    "Operators only",
    "The request needs credentials of scope `operate`; without authentication, `Outcry-Role: operator`.",
)
ROLE_NEEDED: Final = Kind(
    "role_needed",
    403,
    "Another role needed",
    "Dead letters are seen by a `viewer`, replayed by a `replayer`, changed and discarded by an `editor`: scopes of the "
    "credentials; without authentication, `Outcry-Role`.",
)
FOREIGN_ACCOUNT: Final = Kind(
    "foreign_account", 403, "Another account", "`Outcry-Account` names another account than the credentials are of."
)
AUTHENTICATION_REQUIRED: Final = Kind(
    "authentication_required",
    401,
    "Authentication required",
    "The request is neither signed (`CB-ACCESS-…`) nor does it carry a bearer token.",
)
INCOMPLETE_CREDENTIALS: Final = Kind(
    "incomplete_credentials",
    401,
    "Incomplete credentials",
    "A signed request has `CB-ACCESS-KEY`, `CB-ACCESS-SIGN`, `CB-ACCESS-TIMESTAMP` and `CB-ACCESS-PASSPHRASE`.",
)
INVALID_API_KEY: Final = Kind(
    "invalid_api_key",
    401,
    "Invalid API key",
    "There is no such key, or it was revoked, or its time is over.",
    message="Invalid API Key",
)
INVALID_TIMESTAMP: Final = Kind(
    "invalid_timestamp", 401, "Invalid timestamp", "`CB-ACCESS-TIMESTAMP` is seconds since the epoch."
)
TIMESTAMP_EXPIRED: Final = Kind(
    "timestamp_expired",
    401,
    "Timestamp too far off",
    "The signature is too old, or from the future. Sign with the time of `GET /time`.",
    message="request timestamp expired",
)
INVALID_SIGNATURE: Final = Kind(
    "invalid_signature",
    401,
    "Invalid signature",
    "`CB-ACCESS-SIGN` is not that of this timestamp, method, path with query, and body under the key's secret.",
    message="invalid signature",
)
INVALID_PASSPHRASE: Final = Kind(
    "invalid_passphrase", 401, "Invalid passphrase", "The passphrase is not the key's.", message="Invalid Passphrase"
)
INVALID_TOKEN: Final = Kind(
    "invalid_token",
    401,
    "Invalid token",
    "The bearer token is none of this issuer for this audience, or its time is over, or no key fits its signature.",
)
INSUFFICIENT_SCOPE: Final = Kind(
    "insufficient_scope", 403, "Insufficient scope", "The credentials are good, but not for this request."
)
RATE_LIMITED: Final = Kind(
    "rate_limited",
    429,
    "Too many requests",
    "The limit of the key, the account or the address is used up; `RateLimit-Policy` says what it is, `Retry-After` when "
    "to come again. The request was not taken.",
    retryable=True,
    message="Private rate limit exceeded",
)
REQUEST_TIMEOUT: Final = Kind(
    "request_timeout",
    408,
    "Request too slow",
    "The request did not arrive whole in time. It was not taken.",
    retryable=True,
)
HEAD_TOO_LARGE: Final = Kind(
    "head_too_large", 431, "Headers too large", "The request's line and headers exceed the limit."
)

# Fields
UNKNOWN_FIELD: Final = Kind("unknown_field", 400, "Unknown field", "The object has a field this request does not know.")
MISSING_FIELD: Final = Kind("missing_field", 400, "Missing field", "A required field is not there.")
WRONG_TYPE: Final = Kind(
    "wrong_type", 400, "Wrong type", "The field's JSON type is another; every decimal is a string."
)
INVALID_VALUE: Final = Kind(
    "invalid_value", 400, "Invalid value", "The field's value is none of those that are allowed."
)
INVALID_ID: Final = Kind(
    "invalid_id",
    400,
    "Invalid order id",
    "The text is no id: 32 hexadecimal digits, grouped 8-4-4-4-12 or not.",
    message="Invalid order id",
)
INVALID_CLIENT_OID: Final = Kind(
    "invalid_client_oid", 400, "Invalid client_oid", "1 to 64 printable ASCII characters without spaces."
)
INVALID_KEY: Final = Kind(
    "invalid_idempotency_key", 400, "Invalid idempotency key", "1 to 64 printable ASCII characters without spaces."
)
INVALID_PRODUCT_ID: Final = Kind(
    "invalid_product_id",
    400,
    "Invalid product id",
    "1 to 32 capital letters, digits and `-`, such as `BTC-USD`.",
    message="Product not found",
)
INVALID_DECIMAL: Final = Kind(
    "invalid_decimal", 400, "Invalid decimal", "The text is no plain decimal number such as `12` or `0.05`."
)
TOO_MANY_DECIMALS: Final = Kind(
    "too_many_decimals",
    400,
    "Too many decimals",
    "The value has more decimal places than the product.",
    message="price too precise",
)
TOO_LARGE: Final = Kind("too_large", 400, "Too large", "The value is larger than the product can hold.")
NOT_POSITIVE: Final = Kind(
    "not_positive", 400, "Not positive", "The value must be above zero.", message="size is too small"
)
OFF_TICK: Final = Kind(
    "off_tick",
    400,
    "Off tick",
    "The price is no multiple of the product's `quote_increment`.",
    message="price too precise",
)
OFF_LOT: Final = Kind(
    "off_lot",
    400,
    "Off lot",
    "The size is no multiple of the product's `base_increment`.",
    message="size is too precise",
)
PRICE_NOT_ALLOWED: Final = Kind(
    "price_not_allowed", 400, "Price not allowed", "A market order has no price, nor a stop that is no stop_limit."
)
FUNDS_NOT_ALLOWED: Final = Kind("funds_not_allowed", 400, "Funds not allowed", "Only a market order may be by funds.")
SIZE_OR_FUNDS: Final = Kind(
    "size_or_funds", 400, "Size or funds", "A market order has exactly one of `size` and `funds`."
)
POST_ONLY_NOT_ALLOWED: Final = Kind(
    "post_only_not_allowed",
    400,
    "post_only not allowed",
    "`post_only` needs a limit order with `time_in_force` `GTC` or `GTD`, and no stop.",
)
STOP_SIDE: Final = Kind(
    "stop_side", 400, "Stop on the wrong side", "A `loss` is a sell, an `entry` is a buy; `stop` may be left out."
)
MAX_FLOOR_NOT_ALLOWED: Final = Kind(
    "max_floor_not_allowed",
    400,
    "max_floor not allowed",
    "`max_floor` needs a limit order with `time_in_force` `GTC` or `GTD`.",
)
INVALID_MAX_FLOOR: Final = Kind(
    "invalid_max_floor", 400, "Invalid max_floor", "`max_floor` is at least a thousandth of the size."
)
EXPIRY_NOT_ALLOWED: Final = Kind(
    "expiry_not_allowed",
    400,
    "Expiry not allowed",
    "An order with `time_in_force` `GTD` has exactly one of `expire_time` and `cancel_after`, any other none.",
)
INVALID_EXPIRE_TIME: Final = Kind(
    "invalid_expire_time",
    400,
    "Invalid expire_time",
    "RFC 3339 with at most nine digits of a second, such as `2026-07-01T12:00:00.5Z`: after now, and before 2116.",
)
INVALID_TIMEOUT: Final = Kind(
    "invalid_timeout", 400, "Invalid timeout", "Whole seconds from 0, which disarms, to 86400."
)
TIME_IN_FORCE_NOT_ALLOWED: Final = Kind(
    "time_in_force_not_allowed",
    400,
    "time_in_force not allowed",
    "A market order never rests: it has no `time_in_force`.",
)
NOTHING_TO_CHANGE: Final = Kind("nothing_to_change", 400, "Nothing to change", "The change names no value.")
ORDER_NAME: Final = Kind(
    "order_name", 400, "Order not named", "An order is named by `order_id`, or by `client_oid` and `product_id`."
)
INVALID_INCREMENT: Final = Kind(
    "invalid_increment", 400, "Invalid increment", "An increment must be above zero and fit the scale."
)
INVALID_SCALE: Final = Kind(
    "invalid_scale",
    400,
    "Invalid scale",
    "A scale is 0 to 12, the two together at most 18, and holds its increment exactly.",
)
EMPTY_BATCH: Final = Kind("empty_batch", 400, "Empty batch", "A batch has at least one item.")
BATCH_TOO_LARGE: Final = Kind("batch_too_large", 400, "Batch too large", "A batch has more items than the limit.")
INVALID_PARAMETER: Final = Kind(
    "invalid_parameter", 400, "Invalid parameter", "A query parameter is unknown, or its value is none that is allowed."
)
INVALID_CURSOR: Final = Kind("invalid_cursor", 400, "Invalid cursor", "The cursor is none this API gave.")
INVALID_POSITION: Final = Kind(
    "invalid_position",
    400,
    "Invalid position",
    "`Outcry-Position` is `<partition>:<offset>`, several separated by commas.",
)

# What is asked for
PRODUCT_NOT_FOUND: Final = Kind(
    "product_not_found", 404, "Product not found", "No such product is listed.", message="Product not found"
)
ORDER_NOT_FOUND: Final = Kind(
    "order_not_found", 404, "Order not found", "The account has no such order.", message="order not found"
)
ACCOUNT_NOT_FOUND: Final = Kind(
    "account_not_found", 404, "No such account", "The account has nothing in this currency.", message="NotFound"
)
CURRENCY_NOT_FOUND: Final = Kind(
    "currency_not_found", 404, "No such currency", "No product that is listed is in this currency.", message="NotFound"
)
DEAD_LETTER_NOT_FOUND: Final = Kind(
    "dead_letter_not_found", 404, "Dead letter not found", "There is no dead letter of this name."
)
DEAD_LETTER_CLOSED: Final = Kind(
    "dead_letter_closed", 409, "Dead letter closed", "It was replayed or discarded; nothing more can be done to it."
)
REPLAY_NOT_FOUND: Final = Kind("replay_not_found", 404, "Replay not found", "There is no plan or task of this id.")
NOTHING_TO_REPLAY: Final = Kind(
    "nothing_to_replay", 409, "Nothing to replay", "No open dead letter that can be replayed fits."
)
TOO_MANY_LETTERS: Final = Kind("too_many_letters", 400, "Too many dead letters", "A plan has more than the limit.")
TOO_MANY_REPLAYS: Final = Kind(
    "too_many_replays",
    409,
    "Too many replays",
    "What died again after three replays is not replayed any more. Discard it.",
)
REASON_NEEDED: Final = Kind(
    "reason_needed", 400, "Reason needed", "Whoever changes or discards a dead letter says why, in `reason`."
)
WRONG_HASH: Final = Kind(
    "wrong_hash",
    409,
    "Another plan",
    "The hash is not that of the plan: look at the plan again, and confirm what it says.",
)
DRY_RUN_FAILED: Final = Kind(
    "dry_run_failed",
    502,
    "Dry run failed",
    "The process of the dry run did not answer: the command may do to a worker what it did to that process.",
)
REPLAY_STATE: Final = Kind(
    "replay_state", 409, "Not in this state", "The replay is in a state in which this cannot be asked of it."
)
PRODUCT_EXISTS: Final = Kind("product_exists", 409, "Product exists", "A product of this id is listed.")

# The same request again
IDEMPOTENCY_MISMATCH: Final = Kind(
    "idempotency_mismatch",
    422,
    "Key used for another request",
    "The client_oid or idempotency key came before with another body; `field` names what differs.",
)
REQUEST_IN_FLIGHT: Final = Kind(
    "request_in_flight",
    409,
    "Request in flight",
    "A request with this key is being carried out; its answer comes from a repeat in a moment.",
    retryable=True,
)

# Feeds
UNKNOWN_CHANNEL: Final = Kind("unknown_channel", 400, "Unknown channel", "No channel of the feed has this name.")
TOO_MANY_SUBSCRIPTIONS: Final = Kind(
    "too_many_subscriptions",
    400,
    "Too many subscriptions",
    "A socket has so many channels of products and no more; open another one.",
)
BINARY_MESSAGE: Final = Kind("binary_message", 400, "Binary message", "Messages are JSON texts.")
SLOW_READER: Final = Kind(
    "slow_reader", 408, "Slow reader", "The client did not read what it was sent, and was hung up on.", retryable=True
)

# The exchange
OVERLOADED: Final = Kind(
    "overloaded", 503, "Overloaded", "The queue is full. The request was not taken.", retryable=True
)
NOT_TAKEN: Final = Kind(
    "not_taken",
    503,
    "Log unavailable, not taken",
    "The log cannot be reached. The request was certainly not taken.",
    retryable=True,
)
OUTCOME_UNKNOWN: Final = Kind(
    "outcome_unknown",
    503,
    "Outcome unknown",
    "The log did not acknowledge in time: the request may have been taken. Repeat it with the same key; it is never carried out twice.",
    retryable=True,
)
STOPPING: Final = Kind(
    "stopping", 503, "Stopping", "The service is stopping. The request was not taken.", retryable=True
)
NOT_READY: Final = Kind(
    "not_ready", 503, "Not ready", "The service cannot answer this yet, or its data is too far behind.", retryable=True
)
DEPENDENCY_AWAY: Final = Kind(
    "dependency_away",
    503,
    "Dependency unavailable",
    "A store this answer comes from cannot be reached.",
    retryable=True,
)


def catalogue() -> list[Kind]:
    """Every kind there is, in the order of this file."""
    return [value for value in globals().values() if isinstance(value, Kind)]
