"""Whose address a request comes from, when it came through proxies that are trusted to say so."""

import ipaddress
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from libs.service.http import Scope

FORWARDED: Final = b"x-forwarded-for"
_MOST_KNOWN: Final = 10_000
_IPV6_PREFIX: Final = 64
"""What one household or server is given of IPv6: an address of its own for each request must not help."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Address(NamedTuple):
    name: str
    trusted: bool


class ClientAddresses:
    """`X-Forwarded-For` is believed from the right, as far as the trusted proxies wrote it."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted
        self._known: dict[str, _Address | None] = {}

    @staticmethod
    def networks(text: str) -> list[Network]:
        """From a setting: networks separated by commas. Raises ValueError."""
        return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]

    def of(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """What to count by: the address, of IPv6 its /64; the last one that was understood."""
        peer = scope.get("client")
        found = self._look(peer[0]) if peer else None
        if found is None:
            return "unknown"
        forwarded = headers.get(FORWARDED)
        if forwarded is not None and found.trusted:
            for text in reversed(forwarded.decode("ascii", "replace").split(",")):
                before = self._look(text.strip())
                if before is None:
                    break
                found = before
                if not found.trusted:
                    break
        return found.name

    def _look(self, text: str) -> _Address | None:
        if text not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[text] = self._parsed(text)
        return self._known[text]

    def _parsed(self, text: str) -> _Address | None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return self._parsed(str(address.ipv4_mapped))
            name = str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False).network_address)
        else:
            name = str(address)
        return _Address(
            name, any(address in network for network in self._trusted if network.version == address.version)
        )
