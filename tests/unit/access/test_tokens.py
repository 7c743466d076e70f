"""Bearer tokens: RS256 and EdDSA by the issuer's present keys, and nothing else, however it is dressed."""

import asyncio
import hashlib
import hmac
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.access.scopes import Scope
from libs.access.settings import AccessSettings
from libs.service.settings import SettingsError, load
from tests.unit.access.world import World, code, world

ISSUER, AUDIENCE = "https://login.example", "outcry"
NOW: Final = 1_700_000_000
RSA: Final[RSAPrivateKey] = generate_private_key(65537, 2048)
SHORT: Final[RSAPrivateKey] = generate_private_key(65537, 1024)
ED: Final = Ed25519PrivateKey.generate()
OTHER: Final = Ed25519PrivateKey.generate()
EC: Final = generate_ec(SECP256R1())
CLAIMS: Final = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "scope": "trade openid"}

Key = Any


def public(key: Key, kid: str, **more: str) -> dict[str, object]:
    """A JWK."""
    if isinstance(key, RSAPrivateKey):
        found = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, Ed25519PrivateKey):
        found = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        found = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**found, "kid": kid, **more}


SET: Final[list[dict[str, object]]] = [
    public(RSA, "rsa"),
    public(ED, "ed", use="sig"),
    public(SHORT, "short"),
    public(EC, "ec"),
    public(OTHER, "enc", use="enc"),
    {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "oct"},
]


def token(key: Key = ED, kid: str | None = "ed", algorithm: str = "EdDSA", **claims: object) -> str:
    """Signed; a claim of None is left out."""
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(said, key, algorithm, headers={} if kid is None else {"kid": kid})


def written(path: Path, keys: list[dict[str, object]]) -> str:
    path.write_bytes(msgspec.json.encode({"keys": keys}))
    return str(path)


def tried(tmp_path: Path, scenario: Callable[[World], Awaitable[None]], **more: object) -> None:
    where = written(tmp_path / "jwks.json", SET)
    given = {"jwks": where, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwks_pause_ms": 1_000, "secrets_key": ""}

    async def run() -> None:
        async with world(**(given | more)) as api:  # type: ignore[arg-type]
            await scenario(api)

    asyncio.run(run())


async def ask(api: World, given: str, path: str = "/trade/1") -> httpx.Response:
    return await api.ask("POST", path, b"x", {"Authorization": f"Bearer {given}"})


@pytest.mark.parametrize(("key", "kid", "algorithm"), [(RSA, "rsa", "RS256"), (ED, "ed", "EdDSA")])
def test_a_token_is_its_accounts(tmp_path: Path, key: Key, kid: str, algorithm: str) -> None:
    async def scenario(api: World) -> None:
        for _ in range(2):  # the second is remembered
            answer = await ask(api, token(key, kid, algorithm))
            assert answer.json() == {"account": "ann", "operator": False, "body": "x"}
        assert code(await ask(api, token(key, kid, algorithm), "/operate/1")) == (403, "insufficient_scope")

    tried(tmp_path, scenario)


@pytest.mark.parametrize("claims", [{"scope": ["operate"]}, {"scope": None, "scp": ["operate"]}, {"scp": "operate"}])
def test_scopes_in_the_forms_issuers_use(tmp_path: Path, claims: dict[str, object]) -> None:
    async def scenario(api: World) -> None:
        assert (await ask(api, token(**claims), "/operate/1")).json()["operator"] is True  # type: ignore[arg-type]

    tried(tmp_path, scenario)


PEM: Final = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def confused() -> str:
    """HS256 with the public key as the secret: what a verifier that trusts the token's `alg` accepts."""

    def part(value: bytes) -> bytes:
        return jwt.utils.base64url_encode(value)

    head = part(b'{"alg":"HS256","kid":"rsa"}') + b"." + part(msgspec.json.encode(CLAIMS))
    return (head + b"." + part(hmac.digest(PEM, head, hashlib.sha256))).decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (token(OTHER), "Signature verification failed"),
        (token(OTHER, "gone"), "no key of the issuer"),
        (token(OTHER, "enc"), "no key of the issuer"),
        (token(EC, "ec", "ES256"), "no key of the issuer"),
        (token("c" * 40, "oct", "HS256"), "no key of the issuer"),
        (token(ED, None), "no key of the issuer"),
        (token(RSA, "rsa", "RS512"), "alg"),
        (token(ED, "rsa", "EdDSA"), "alg"),
        (confused(), "alg"),
        (jwt.encode(CLAIMS, "", "none", headers={"kid": "ed"}), "alg"),
        (token(exp=NOW - 6), "time is over"),
        (token(nbf=NOW + 6), "has not come"),
        (token(exp=None), "exp"),
        (token(sub=None), "sub"),
        (token(sub="a b"), "no account"),
        (token(sub=7), "ubject"),
        (token(iss="https://evil.example"), "ssuer"),
        (token(iss=None), "iss"),
        (token(aud="elsewhere"), "udience"),
        (token(aud=None), "aud"),
        (token(exp="soon"), "exp"),
        ("", "segments"),
        ("a.b", "segments"),
        ("a.b.c", "adding"),
        ("é" * 10, "utf-8"),
        ("x" * 8_193, "8192 bytes"),
    ],
)
def test_a_token_that_is_none(tmp_path: Path, given: str, said: str) -> None:
    async def scenario(api: World) -> None:
        answer = await api.ask("POST", "/trade/1", b"x", {b"Authorization": b"Bearer " + given.encode("latin-1")})  # type: ignore[dict-item]
        assert code(answer) == (401, "invalid_token")
        assert said in answer.json()["detail"] or said == "utf-8"

    tried(tmp_path, scenario)


def test_a_key_that_is_too_short_proves_nothing(tmp_path: Path) -> None:
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        given = token(SHORT, "short", "RS256")

    async def scenario(api: World) -> None:
        assert code(await ask(api, given)) == (401, "invalid_token")

    tried(tmp_path, scenario)


def test_a_remembered_token_ends_with_its_time(tmp_path: Path) -> None:
    async def scenario(api: World) -> None:
        given = token()
        assert (await ask(api, given)).status_code == 200
        api.clock.advance(64)
        assert (await ask(api, given)).status_code == 200  # the issuer's clock may be 5 s off
        api.clock.advance(2)
        assert code(await ask(api, given)) == (401, "invalid_token")

    tried(tmp_path, scenario)


def test_memory_of_tokens_has_a_limit(tmp_path: Path) -> None:
    async def scenario(api: World) -> None:
        for number in range(5):
            assert (await ask(api, token(sub=f"a{number}"))).status_code == 200
        tokens = api.access.tokens
        assert tokens is not None
        assert len(tokens) == 3

    tried(tmp_path, scenario, jwt_remembered=3)


def test_keys_come_and_go(tmp_path: Path) -> None:
    async def scenario(api: World) -> None:
        old, new = token(), token(OTHER, "new")
        assert (await ask(api, old)).status_code == 200
        assert code(await ask(api, new)) == (401, "invalid_token")
        written(tmp_path / "jwks.json", [public(OTHER, "new")])
        assert code(await ask(api, new)) == (401, "invalid_token")  # not read again at once, whoever asks
        api.clock.advance(1)
        assert (await ask(api, new)).status_code == 200
        assert code(await ask(api, old)) == (401, "invalid_token")  # what was remembered is forgotten
        (tmp_path / "jwks.json").unlink()
        api.clock.advance(1)
        assert code(await ask(api, token(ED, "gone"))) == (401, "invalid_token")
        assert (await ask(api, new)).status_code == 200  # the last set stays in force

    tried(tmp_path, scenario)


def test_a_token_need_not_name_the_only_key(tmp_path: Path) -> None:
    async def scenario(api: World) -> None:
        written(tmp_path / "jwks.json", [public(ED, "ed")])
        api.clock.advance(1)
        await ask(api, token(OTHER, "gone"))
        assert (await ask(api, token(ED, None))).status_code == 200

    tried(tmp_path, scenario)


@contextmanager
def served(keys: list[dict[str, object]]) -> Iterator[tuple[str, list[str]]]:
    """An issuer on this machine: its address, and the paths it was asked."""
    asked: list[str] = []

    class Issuer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(msgspec.json.encode({"keys": keys}))

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Issuer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks.json", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_keys_from_an_address_are_asked_for_once_whoever_comes(tmp_path: Path) -> None:
    with served(SET) as (address, asked):

        async def scenario(api: World) -> None:
            assert (await ask(api, token())).status_code == 200
            api.clock.advance(1)
            answers = await asyncio.gather(*(ask(api, token(OTHER, f"gone{number}")) for number in range(50)))
            assert {code(answer) for answer in answers} == {(401, "invalid_token")}
            assert asked == ["/jwks.json"] * 2

        tried(tmp_path, scenario, jwks=address)


def test_an_issuer_that_was_never_reached_makes_the_process_unready() -> None:
    async def run() -> None:
        api = World(
            AccessSettings(auth="required", jwks="http://127.0.0.1:1/", jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
        )
        running = asyncio.create_task(api.access.run(api.process.stop))
        assert code(await ask(api, token())) == (503, "not_ready")
        assert "token keys" in api.process.health.unready_reasons
        api.process.stop.set()
        await running
        await api.http.aclose()

    asyncio.run(run())


def test_where_no_issuer_is_known_a_token_proves_nothing() -> None:
    async def run() -> None:
        async with world("off") as api:
            assert code(await ask(api, token())) == (401, "invalid_token")
            basic = await api.ask("GET", "/view/1", b"", {"Authorization": "Basic YTpi"})
            assert basic.json()["account"] == "demo"

    asyncio.run(run())


def test_a_signature_comes_before_a_token(tmp_path: Path) -> None:
    """A request with both is its signature's: the body counts."""

    async def run() -> None:
        where = written(tmp_path / "jwks.json", SET)
        async with world(jwks=where, jwt_issuer=ISSUER, jwt_audience=AUDIENCE) as api:
            key = await api.key(Scope.TRADE, account="bob")
            answer = await api.signed(key, "POST", "/trade/1", b"x", authorization=f"Bearer {token()}")
            assert answer.json()["account"] == "bob"

    asyncio.run(run())


@pytest.mark.parametrize(
    "given",
    [
        {"OUTCRY_JWKS": "jwks.json"},
        {"OUTCRY_JWKS": "jwks.json", "OUTCRY_JWT_ISSUER": ISSUER},
        {"OUTCRY_JWKS": "http://login.example/jwks", "OUTCRY_JWT_ISSUER": ISSUER, "OUTCRY_JWT_AUDIENCE": AUDIENCE},
    ],
)
def test_settings_that_would_take_anybodys_tokens_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="OUTCRY_JWKS"):
        load(AccessSettings, given)
