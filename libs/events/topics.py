"""Names of the topics. Their settings stand in `deploy/topics.py`, which creates and checks them."""

from typing import Final

ORDERS: Final = "orders"
ORDER_EVENTS: Final = "order-events"
RETRIES: Final = ("orders.retry.1", "orders.retry.2", "orders.retry.3")
RETRY_WAITS_NS: Final = (1_000_000_000, 10_000_000_000, 60_000_000_000)
"""How long a command waits in each of them."""
DLQ: Final = "orders.dlq"
BOOK_SNAPSHOTS: Final = "book-snapshots"
PRODUCTS: Final = "products"
WORKER_ATTEMPTS: Final = "worker-attempts"
API_KEYS: Final = "api-keys"
OPERATOR_TASKS: Final = "operator-tasks"
OPERATOR_AUDIT: Final = "operator-audit"

PARTITIONED: Final = (ORDER_EVENTS, *RETRIES, DLQ, BOOK_SNAPSHOTS, PRODUCTS, ORDERS)
"""Those with a partition for each partition of the exchange. `orders` is the last to grow: who owns a partition of it
finds the others there."""

CLUSTER_KEY: Final = b"_cluster"
CLUSTER_PARTITION: Final = 0
"""What the log says of the cluster, in `products`: no product's id begins so."""
