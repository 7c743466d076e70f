"""Requests signed with the API key of the environment, where there is one."""

import base64
import os
import time
from collections.abc import Generator, Mapping

import httpx

from libs.access.keys import API_KEY, API_PASSPHRASE, API_SECRET
from libs.access.signatures import signature


class Signed(httpx.Auth):
    """Signs each request as it goes out, a repeat anew."""

    requires_request_body = True

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        self._key = key
        self._secret = base64.b64decode(secret)
        self._passphrase = passphrase

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        timestamp = f"{time.time():.3f}"
        made = signature(self._secret, timestamp.encode(), request.method, request.url.raw_path, request.content)
        request.headers["CB-ACCESS-KEY"] = self._key
        request.headers["CB-ACCESS-SIGN"] = made.decode()
        request.headers["CB-ACCESS-TIMESTAMP"] = timestamp
        request.headers["CB-ACCESS-PASSPHRASE"] = self._passphrase
        yield request


def from_environment(environment: Mapping[str, str] = os.environ) -> Signed | None:
    """None where the environment has no key: then the exchange must be one that believes headers."""
    if not environment.get(API_KEY):
        return None
    return Signed(environment[API_KEY], environment.get(API_SECRET, ""), environment.get(API_PASSPHRASE, ""))
