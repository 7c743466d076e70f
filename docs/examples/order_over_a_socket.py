"""Place an order over `/ws/orders`, cancel it again, and print the answers.

    . ./ann.env
    python docs/examples/order_over_a_socket.py ws://127.0.0.1:8080/ws/orders BTC-USD

Needs `pip install websockets`. The handshake is signed like any request; messages need not wait for answers, and are
carried out in order.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from urllib.parse import urlsplit

from websockets.asyncio.client import connect


def signed(path: str) -> dict[str, str]:
    timestamp = f"{time.time():.3f}"
    secret = base64.b64decode(os.environ["OUTCRY_API_SECRET"])
    signature = hmac.digest(secret, f"{timestamp}GET{path}".encode(), hashlib.sha256)
    return {
        "CB-ACCESS-KEY": os.environ["OUTCRY_API_KEY"],
        "CB-ACCESS-PASSPHRASE": os.environ["OUTCRY_API_PASSPHRASE"],
        "CB-ACCESS-TIMESTAMP": timestamp,
        "CB-ACCESS-SIGN": base64.b64encode(signature).decode(),
    }


async def main(address: str, product_id: str) -> None:
    name = f"ws-{time.time_ns()}"
    order = {"product_id": product_id, "side": "buy", "price": "91.00", "size": "0.1", "client_oid": name}
    async with connect(address, additional_headers=signed(urlsplit(address).path)) as socket:
        await socket.send(json.dumps({"request_id": "1", "op": "place"} | order))
        await socket.send(json.dumps({"request_id": "2", "op": "cancel", "product_id": product_id, "client_oid": name}))
        for _ in range(2):
            answer = json.loads(await socket.recv())
            print(answer["request_id"], answer["status"], answer.get("position") or answer["detail"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
