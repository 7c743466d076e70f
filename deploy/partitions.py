"""How many partitions a cluster may have."""

from typing import Final

DEFAULT_PARTITIONS: Final = 8
MAX_PARTITIONS: Final = 256  # a product's number has eight bits for its partition
