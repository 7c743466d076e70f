"""A request as it was parsed, and as it is written to an upstream."""

from dataclasses import dataclass, field

# Of one connection, not of the message (RFC 9110, 7.6.1); the framing is written anew.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
FORWARDED_FOR = b"x-forwarded-for"
READS = frozenset((b"GET", b"HEAD"))
WRITES = frozenset((b"POST", b"PATCH", b"PUT", b"DELETE"))
DEAD_LETTERS = b"/operator/dead-letters/"
DRY_RUN = b"/dry-run"


@dataclass(slots=True)
class Request:
    """What one client asked. `complete` when its last byte has come."""

    peer: bytes = b""
    """The address of who sent it, which the services are told."""
    forwarded: list[bytes] = field(default_factory=list)
    """Addresses that it came through before, as it says."""
    url: bytes = b""
    method: bytes = b""
    version: str = "1.1"
    headers: list[bytes] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    body_bytes: int = 0
    upgrade: bytes = b""
    wants_continue: bool = False
    has_body: bool = False
    keep_alive: bool = True
    complete: bool = False

    def header(self, name: bytes, value: bytes) -> None:
        """Take a header in; what belongs to the connection is kept apart or dropped."""
        lower = name.lower()
        if lower == FORWARDED_FOR:
            self.forwarded.append(value)
        elif lower not in HOP_BY_HOP:
            self.headers.append(b"%b: %b\r\n" % (name, value))
        elif lower == b"upgrade":
            self.upgrade = value.lower()
        elif lower == b"expect":
            self.wants_continue = value.lower() == b"100-continue"
        elif lower in {b"content-length", b"transfer-encoding"}:
            self.has_body = True

    @property
    def path(self) -> bytes:
        return self.url.partition(b"?")[0]

    @property
    def is_dry_run(self) -> bool:
        """A POST that changes nothing: the query side answers it."""
        path = self.path
        return self.method == b"POST" and path.startswith(DEAD_LETTERS) and path.endswith(DRY_RUN)

    @property
    def is_websocket(self) -> bool:
        return self.upgrade == b"websocket" and self.method == b"GET"

    def written(self) -> bytes:
        """The whole request for an upstream, with one framing only."""
        length = b"content-length: %d\r\n" % self.body_bytes if self.has_body else b""
        return b"".join((self._line(), *self.headers, self._came_from(), length, b"\r\n", *self.body))

    def written_as_upgrade(self) -> bytes:
        """The head of a WebSocket handshake."""
        return b"".join(
            (self._line(), *self.headers, self._came_from(), b"connection: upgrade\r\nupgrade: websocket\r\n\r\n")
        )

    def _came_from(self) -> bytes:
        """Where each hop saw it come from, ours last: a service believes as many from the right as it trusts."""
        return b"x-forwarded-for: %b\r\n" % b", ".join((*self.forwarded, self.peer)) if self.peer else b""

    def _line(self) -> bytes:
        return b"%b %b HTTP/%b\r\n" % (self.method, self.url, self.version.encode())
