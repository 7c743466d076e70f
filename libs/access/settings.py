"""What both APIs are told about who may ask, and how often."""

from typing import Final, Literal
from urllib.parse import urlsplit

from libs.access.addresses import ClientAddresses
from libs.access.sealing import NotAKey, Sealer
from libs.service.patience import Patience
from libs.service.settings import Settings, SettingsError, is_loopback, variable

_MOST_A_SECOND: Final = 1_000_000


class AccessSettings(Settings, frozen=True, kw_only=True):
    """Read from `OUTCRY_…` like those of every service. Raises SettingsError for what would leave a door open."""

    auth: Literal["off", "required"] = "off"
    """Off: who sends no credentials is believed, on this machine alone. Credentials that are sent are always checked."""
    secrets_key: str = ""
    """Opens the secrets in the topic `api-keys`: base64 of 32 bytes, the key that seals first, older ones after a comma.
    Without it there are no API keys."""
    keys_poll_ms: int = 250
    """The topic is waited on for so long at a time; a change comes through at once."""
    keys_retry_ms: int = 500
    """Between attempts to read the topic while the log is away."""
    signature_window_ms: int = 30_000
    """How far a signature's timestamp may be from this clock, either way."""

    jwks: str = ""
    """The keys of who issues bearer tokens: a JWK set in a file, or at an address (`https`, or `http` on this machine).
    Without it there are no tokens."""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    """What `iss` must be, and `aud` must hold."""
    jwt_leeway_ms: int = 5_000
    """How far the issuer's clock may be from this one."""
    jwt_bytes: int = 8_192
    jwt_remembered: int = 10_000
    """Tokens that were checked and need not be checked again."""
    jwks_refresh_ms: int = 300_000
    jwks_pause_ms: int = 10_000
    """At least so long between two readings, however many tokens name a key that is unknown."""
    jwks_timeout_ms: int = 3_000

    limit_key_per_s: int = 0
    """Requests a second of one API key, or one account of a bearer token; 0 is no limit."""
    limit_key_burst: int = 0
    """How many of them at once; 0 is what a second gives."""
    limit_address_per_s: int = 0
    """Requests a second from one address, whoever sends them; 0 is no limit."""
    limit_address_burst: int = 0
    limit_lease_ms: int = 50
    """A process takes at most what the rate gives in this time from the shared count at once."""
    limit_names: int = 100_000
    """Keys and addresses that a process counts by itself; beyond it the oldest is asked for anew."""
    limit_timeout_ms: int = 250
    """A call to Redis that takes longer counts as Redis being away: each process then counts alone."""
    limit_pause_ms: int = 1_000
    limit_wishes: int = 1_000
    """Names of one call to Redis."""
    trusted_proxies: str = "127.0.0.0/8, ::1/128"
    """Networks whose `X-Forwarded-For` is believed: where the gateway is, and what stands in front of it."""

    head_timeout_ms: int = 10_000
    """Within which a request's line and headers must have come, of a new connection too."""
    body_timeout_ms: int = 15_000
    answer_timeout_ms: int = 30_000
    """A client that reads nothing of its answer for so long is hung up on."""

    @property
    def patience(self) -> Patience:
        return Patience(self.head_timeout_ms / 1000, self.body_timeout_ms / 1000, self.answer_timeout_ms / 1000)

    def __post_init__(self) -> None:
        self._check_limits()
        if self.auth == "off" and not is_loopback(self.host):
            raise SettingsError(
                variable("host"),
                self.host,
                "without authentication the APIs answer this machine alone",
                "127.0.0.1 would do, or OUTCRY_AUTH=required",
            )
        if self.secrets_key:
            try:
                Sealer.parse(self.secrets_key)
            except NotAKey as error:
                raise SettingsError(
                    variable("secrets_key"), "***", str(error), "`openssl rand -base64 32` makes one"
                ) from None
        if self.auth == "required" and not (self.secrets_key or self.jwks):
            raise SettingsError(
                variable("auth"), self.auth, "nobody could ask", "set OUTCRY_SECRETS_KEY or OUTCRY_JWKS too"
            )
        if self.jwks:
            self._check_tokens()

    def _check_limits(self) -> None:
        for name in ("limit_key_per_s", "limit_key_burst", "limit_address_per_s", "limit_address_burst"):
            value = getattr(self, name)
            if not 0 <= value <= _MOST_A_SECOND:
                raise SettingsError(variable(name), str(value), "is no such limit", f"0 to {_MOST_A_SECOND} would do")
        try:
            ClientAddresses.networks(self.trusted_proxies)
        except ValueError as error:
            raise SettingsError(
                variable("trusted_proxies"), self.trusted_proxies, str(error), "127.0.0.0/8, 10.1.0.0/16 would do"
            ) from None

    def _check_tokens(self) -> None:
        address = urlsplit(self.jwks)
        if address.scheme == "http" and not is_loopback(address.hostname or ""):
            raise SettingsError(variable("jwks"), self.jwks, "keys must not come in the clear", "https would do")
        if not (self.jwt_issuer and self.jwt_audience):
            raise SettingsError(
                variable("jwks"),
                self.jwks,
                "tokens for others would be taken",
                "set OUTCRY_JWT_ISSUER and OUTCRY_JWT_AUDIENCE",
            )
