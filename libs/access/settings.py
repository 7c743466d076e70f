"""What both APIs are told about who may ask, and how often."""

from typing import Literal

from libs.access.sealing import NotAKey, Sealer
from libs.service.settings import Settings, SettingsError, is_loopback, variable


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

    def __post_init__(self) -> None:
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
        if self.auth == "required" and not self.secrets_key:
            raise SettingsError(variable("auth"), self.auth, "nobody could ask", "set OUTCRY_SECRETS_KEY too")
