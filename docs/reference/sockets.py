"""Writes `asyncapi.json`, both sockets in one document, from the messages that the services send and receive.

python -m docs.reference.sockets           # write it
python -m docs.reference.sockets --check   # exit with 1 when it is not what it would be
"""

import sys
from pathlib import Path
from typing import Final

from libs.service.asyncapi import description
from services.order_api.socket_description import ORDERS
from services.query_api.feed.description import FEED

PAGE: Final = Path(__file__).parent / "asyncapi.json"


def page() -> bytes:
    return description("Outcry", (FEED, ORDERS))


def main(given: list[str]) -> int:
    if given != ["--check"]:
        PAGE.write_bytes(page())
        return 0
    current = PAGE.exists() and PAGE.read_bytes() == page()
    if not current:
        print(f"{PAGE.name} is not up to date: run python -m docs.reference.sockets", file=sys.stderr)
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
