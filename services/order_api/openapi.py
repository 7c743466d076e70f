"""What the write side takes, as OpenAPI has it: from the same Structs that decode the requests."""

from typing import Final, Literal

import msgspec

from libs.service.openapi import ACCOUNT, Json, Operation, Parameter, text, words
from services.order_api.dead_letters.asked import ConfirmRequest, DiscardRequest, PlanRequest
from services.order_api.requests import (
    Amend,
    Batch,
    CancelAllAfter,
    ListProductRequest,
    Place,
    StatusRequest,
    UpdateProductRequest,
)


class Accepted(msgspec.Struct, forbid_unknown_fields=True):
    """Acknowledged by the log; what the book says of it is on the read side."""

    command_id: str
    product_id: str
    id: str = ""
    order_id: str = ""
    client_oid: str = ""
    status: Literal["pending"] = "pending"


class Results(msgspec.Struct, forbid_unknown_fields=True):
    """A result an item, in order: like `Accepted`, with its `status` and `position`, or a problem. Not atomic."""

    results: list[dict[str, msgspec.Raw]]


class Replay(msgspec.Struct):
    """A plan, or the task that it became."""

    id: str
    state: Literal["planned", "confirmed", "running", "paused", "canceled", "done", "failed"]
    hash: str
    count: int
    edited: int
    rate: int
    actor: str
    reason: str
    selection: dict[str, msgspec.Raw]
    created_at: str
    done: int
    sent: int
    failed: int
    letters: list[str]
    edits: list[dict[str, msgspec.Raw]]
    failures: list[dict[str, str]]


_NAME: Final = r"[\x21\x23-\x5b\x5d-\x7e]{1,64}"
_ID: Final = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
_DECIMAL: Final = text(r"^[0-9]{1,40}(\.[0-9]{1,40})?$")
_PRODUCT: Final = text(r"^[A-Z0-9\-]{1,32}$")
_ORDER_NAME: Final = Parameter(
    "name",
    text(rf"^({_ID}|client:[A-Za-z0-9._\-]{{1,64}})$"),
    "An order id, or `client:` and a client_oid (then `product_id` is needed).",
    "path",
)
_PRODUCT_NAME: Final = Parameter("product_id", _PRODUCT, "A product id.", "path")
_PRODUCT_QUERY: Final = Parameter("product_id", text(), "Such as `BTC-USD`.")
_SIDE: Final = Parameter("side", words("buy", "sell"))
_PLAN: Final = Parameter("name", text(), "The id of a plan.", "path")
_LETTER: Final = Parameter(
    "name", text(r"^[0-9]{1,3}:[0-9]{1,18}$"), "A dead letter: partition and offset, such as `3:17`.", "path"
)

OPERATIONS: Final = (
    Operation("post", "/orders", "place", "Place an order", "orders", Accepted, "trade", Place, status=202),
    Operation(
        "delete", "/orders", "cancel_all", "Cancel all orders, in one product (202) or in all of them", "orders", Results,
        "trade", parameters=(_PRODUCT_QUERY, _SIDE), also=(202, Accepted),
    ),
    Operation(
        "post", "/orders/batch", "batch", "Place, amend and cancel up to 500 orders", "orders", Results, "trade", Batch
    ),
    Operation(
        "patch", "/orders/{name}", "amend", "Change an open order in place", "orders", Accepted, "trade", Amend,
        (_ORDER_NAME, _PRODUCT_QUERY), 202,
    ),
    Operation(
        "delete", "/orders/{name}", "cancel", "Cancel an order", "orders", Accepted, "trade", None,
        (_ORDER_NAME, _PRODUCT_QUERY), 202,
    ),
    Operation(
        "post", "/cancel-all-after", "cancel_all_after", "Cancel all orders in a product after a time", "orders", Accepted,
        "trade", CancelAllAfter, status=202,
    ),
    Operation(
        "post", "/products", "list_product", "List a product", "operators", Accepted, "operate", ListProductRequest,
        status=202,
    ),
    Operation(
        "patch", "/products/{product_id}", "update_product", "Change a product", "operators", Accepted, "operate",
        UpdateProductRequest, (_PRODUCT_NAME,), 202,
    ),
    Operation(
        "delete", "/products/{product_id}", "delist_product", "Delist a product", "operators", Accepted, "operate", None,
        (_PRODUCT_NAME,), 202,
    ),
    Operation(
        "post", "/products/{product_id}/status", "set_status", "Set the trading status", "operators", Accepted, "operate",
        StatusRequest, (_PRODUCT_NAME,), 202,
    ),
    Operation(
        "post", "/operator/replays", "plan_replay", "Plan a replay of dead letters", "operators", Replay, "replayer",
        PlanRequest, status=201,
    ),
    Operation(
        "post", "/operator/replays/{name}/confirm", "confirm_replay", "Run a plan", "operators", Replay, "replayer",
        ConfirmRequest, (_PLAN,), 202,
    ),
    *(
        Operation(
            "post", f"/operator/replays/{{name}}/{action}", f"{action}_replay", f"{action.capitalize()} a replay",
            "operators", Replay, "replayer", None, (_PLAN,), 202,
        )
        for action in ("pause", "resume", "cancel")
    ),
    Operation(
        "post", "/operator/dead-letters/{name}/discard", "discard_dead_letter", "Close a dead letter", "operators",
        Accepted, "editor", DiscardRequest, (_LETTER,), 202,
    ),
)  # fmt: skip

_PLACE: Final[Json] = {
    **dict.fromkeys(("price", "size", "funds", "stop_price", "max_floor"), _DECIMAL),
    "client_oid": text(rf"^{_NAME}$"),
}
_AMEND: Final[Json] = dict.fromkeys(("price", "size", "stop_price", "max_floor"), _DECIMAL)
_LIMITS: Final[Json] = dict.fromkeys(("min_size", "max_size", "min_notional", "reference_price"), _DECIMAL)
_INCREMENTS: Final[Json] = dict.fromkeys(("quote_increment", "base_increment"), _DECIMAL)
SCHEMAS: Final[dict[str, Json]] = {
    "Place": _PLACE,
    "PlaceItem": _PLACE | {"account": text(ACCOUNT)},
    "Amend": _AMEND,
    "AmendItem": _AMEND,
    "CancelAllAfter": {"timeout": {"minimum": 0, "maximum": 86_400}},
    "Batch": {"orders": {"minItems": 1, "maxItems": 500}},
    "ListProductRequest": _LIMITS | _INCREMENTS | {"id": _PRODUCT},
    "UpdateProductRequest": _LIMITS | _INCREMENTS,
}
