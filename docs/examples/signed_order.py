"""Place a signed order and see what became of it, with nothing but Python.

    . ./ann.env
    python docs/examples/signed_order.py http://127.0.0.1:8080 BTC-USD

A request is signed over timestamp, method, path with query, and body. `client_oid` makes it safe to send again.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from urllib.request import Request, urlopen

Json = dict[str, str]


def signed(address: str, method: str, path: str, body: str = "") -> Request:
    timestamp = f"{time.time():.3f}"
    secret = base64.b64decode(os.environ["OUTCRY_API_SECRET"])
    signature = hmac.digest(secret, f"{timestamp}{method}{path}{body}".encode(), hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "CB-ACCESS-KEY": os.environ["OUTCRY_API_KEY"],
        "CB-ACCESS-PASSPHRASE": os.environ["OUTCRY_API_PASSPHRASE"],
        "CB-ACCESS-TIMESTAMP": timestamp,
        "CB-ACCESS-SIGN": base64.b64encode(signature).decode(),
    }
    return Request(address + path, body.encode() or None, headers, method=method)  # noqa: S310  one's own address


def main(address: str, product_id: str) -> None:
    order = {
        "product_id": product_id,
        "side": "buy",
        "price": "90.00",
        "size": "0.1",
        "client_oid": f"py-{time.time_ns()}",
    }
    with urlopen(signed(address, "POST", "/orders", json.dumps(order))) as answer:  # noqa: S310  one's own address
        placed: Json = json.load(answer)
        position = answer.headers["Outcry-Position"]
    # A read that carries the position waits until it sees the order.
    request = signed(address, "GET", f"/orders/{placed['id']}")
    request.add_header("Outcry-Position", position)
    with urlopen(request) as answer:  # noqa: S310  one's own address
        found: Json = json.load(answer)
    print(found["id"], found["status"], found["remaining_size"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
