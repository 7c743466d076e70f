"""Whatever is sent as credentials, the answer is one of ours, and nobody gets in."""

import asyncio
import base64
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.access.test_tokens import AUDIENCE, CLAIMS, ISSUER, NOW, SET, written
from tests.unit.access.world import world

_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_HEAD = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["RS256", "EdDSA", "HS256", "none", "None", "ES256"]) | _JSON,
        "kid": st.sampled_from(["rsa", "ed", "short", "oct", "../../etc"]) | _JSON,
        "typ": _JSON,
        "crit": _JSON,
        "b64": _JSON,
        "jwk": _JSON,
        "jku": st.just("http://127.0.0.1:1/"),
    },
)
_CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "sub": st.just("ann") | _JSON,
        "iss": st.just(ISSUER) | _JSON,
        "aud": st.just(AUDIENCE) | _JSON,
        "exp": st.just(NOW + 60) | _JSON,
        "scope": st.just("trade operate") | _JSON,
    },
)
_HEADER_VALUE = st.binary(max_size=40).map(lambda value: value.translate(None, b"\r\n\0").strip() or b"x")
_encode = msgspec.json.Encoder().encode


def part(value: object) -> str:
    return base64.urlsafe_b64encode(_encode(value)).rstrip(b"=").decode()


_TOKENS = st.tuples(_HEAD | _JSON, _CLAIMS | st.just(CLAIMS) | _JSON, st.binary(max_size=80)).map(
    lambda parts: f"{part(parts[0])}.{part(parts[1])}.{base64.urlsafe_b64encode(parts[2]).decode()}".encode()
) | st.binary(min_size=1, max_size=60).map(lambda value: value.translate(None, b"\r\n\0"))


@pytest.fixture(scope="module")
def jwks(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(Path(tmp_path_factory.mktemp("keys")) / "jwks.json", SET)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tokens=st.lists(_TOKENS, min_size=1, max_size=20))
def test_no_token_that_nobody_signed_is_taken(jwks: str, tokens: list[bytes]) -> None:
    async def run() -> None:
        async with world(jwks=jwks, jwt_issuer=ISSUER, jwt_audience=AUDIENCE) as api:
            for token in tokens:
                answer = await api.http.get("/view/1", headers=[(b"Authorization", b"Bearer " + token)])
                assert answer.status_code == 401, (token, answer.text)

    asyncio.run(run())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(st.tuples(*[_HEADER_VALUE | st.none()] * 4), min_size=1, max_size=20))
def test_no_headers_that_nobody_signed_are_taken(values: list[tuple[bytes | None, ...]]) -> None:
    names = (b"CB-ACCESS-KEY", b"CB-ACCESS-SIGN", b"CB-ACCESS-TIMESTAMP", b"CB-ACCESS-PASSPHRASE")

    async def run() -> None:
        async with world() as api:
            for given_values in values:
                headers = [(name, value) for name, value in zip(names, given_values, strict=True) if value is not None]
                answer = await api.http.get("/view/1", headers=headers)
                assert answer.status_code == 401, (headers, answer.text)

    asyncio.run(run())
