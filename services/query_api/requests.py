"""What every request is asked first: who sent it, and what it wants to have been passed."""

from collections.abc import Mapping
from typing import NamedTuple

from libs.access.caller import Caller, caller_in
from libs.service.http import Header, Scope
from services.query_api.parameters import Parameters
from services.query_api.progress import positions


class Asked(NamedTuple):
    who: Caller
    wanted: Mapping[int, int]
    """Offsets by partition, of `Outcry-Position`."""
    given: Parameters


def asked(scope: Scope, *known: str) -> Asked:
    """Raises Problem for a malformed header, or a parameter that is not one of the known."""
    headers: list[Header] = scope["headers"]
    return Asked(caller_in(scope), positions(headers), Parameters(scope["query_string"], frozenset(known)))
