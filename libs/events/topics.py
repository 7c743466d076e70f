"""Names of the topics. Their settings stand in `deploy/topics.py`, which creates and checks them."""

from typing import Final

ORDERS: Final = "orders"
ORDER_EVENTS: Final = "order-events"
RETRIES: Final = ("orders.retry.1", "orders.retry.2", "orders.retry.3")
DLQ: Final = "orders.dlq"
BOOK_SNAPSHOTS: Final = "book-snapshots"
PRODUCTS: Final = "products"
WORKER_ATTEMPTS: Final = "worker-attempts"
API_KEYS: Final = "api-keys"
OPERATOR_TASKS: Final = "operator-tasks"
OPERATOR_AUDIT: Final = "operator-audit"
