"""The simulation signs what it sends, when its environment has a key."""

import asyncio
import base64
import hashlib
import hmac

import httpx

from sim.exchange import Exchange
from sim.signed import from_environment

KEY = {
    "OUTCRY_API_KEY": "k",
    "OUTCRY_API_SECRET": base64.b64encode(b"secret").decode(),
    "OUTCRY_API_PASSPHRASE": "p",
}


def test_without_a_key_nothing_is_signed() -> None:
    assert from_environment({}) is None


def test_path_with_query_and_body_are_signed() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"results": []})

    async def run() -> None:
        async with Exchange("http://x", httpx.MockTransport(answer), from_environment(KEY)) as exchange:
            await exchange.batch(b'{"orders":[]}', "key")
            await exchange.cancel_all("BTC-USD", "ann")

    asyncio.run(run())
    for request in seen:
        headers = request.headers
        message = (
            headers["cb-access-timestamp"].encode() + request.method.encode() + request.url.raw_path + request.content
        )
        wanted = base64.b64encode(hmac.new(b"secret", message, hashlib.sha256).digest()).decode()
        assert headers["cb-access-sign"] == wanted
        assert (headers["cb-access-key"], headers["cb-access-passphrase"]) == ("k", "p")
    assert seen[1].url.query == b"product_id=BTC-USD"
