"""Query parameters, read strictly: an unknown one, one given twice, or one that does not fit is named in the answer."""

import re
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from libs.access.caller import Caller, is_account
from libs.events import ids
from libs.events.values import Side
from libs.read_model.candles import GRANULARITIES
from libs.read_model.orders import STANDING
from libs.read_model.status import Status
from libs.read_model.trades import MAKER, TAKER, FillCursor
from libs.service.clock import NANOSECONDS
from libs.service.problems import (
    INVALID_CLIENT_OID,
    INVALID_CURSOR,
    INVALID_ID,
    INVALID_PARAMETER,
    OPERATOR_ONLY,
    Kind,
    Problem,
)
from libs.service.times import LAST, NotATime, parse

_CLIENT_OID: Final = re.compile(r"[!-~]{1,64}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_FILL_CURSOR: Final = re.compile(r"([0-9]{1,19})\.([0-9]{1,8})\.([0-9]{1,18})\.([MT])", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_GRANULARITIES: Final = tuple(map(str, GRANULARITIES))
_REPEATABLE: Final = "status"
_LONGEST: Final = 4_096
_NUMBER_LIMIT: Final = ids.NUMBER_LIMIT
_LAST_TIME: Final = 2**63 - 1
_Cursor = TypeVar("_Cursor")


class Parameters:
    """What a request's query says. Each method takes one parameter and raises Problem where it does not fit."""

    def __init__(self, query: bytes, known: frozenset[str]) -> None:
        self._given: dict[str, list[str]] = {}
        if len(query) > _LONGEST:
            raise Problem(INVALID_PARAMETER, f"a query of {len(query)} bytes, {_LONGEST} at most")
        for name, value in parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True):
            if name not in known:
                raise Problem(INVALID_PARAMETER, f"{name[:64]!r} is not known here", name[:64])
            if name in self._given and name != _REPEATABLE:
                raise Problem(INVALID_PARAMETER, f"{name!r} is given twice", name)
            self._given.setdefault(name, []).append(value)

    def text(self, name: str) -> str | None:
        values = self._given.get(name)
        return values[0] if values else None

    def limit(self, default: int, most: int) -> int:
        text = self.text("limit")
        if text is None:
            return min(default, most)
        value = int(text) if _NUMBER.fullmatch(text) else 0
        if not 1 <= value <= most:
            raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is no whole number from 1 to {most}", "limit")
        return value

    def number(self, name: str) -> int | None:
        """A cursor that is a number, such as a trade_id."""
        text = self.text(name)
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise Problem(INVALID_CURSOR, f"{text[:64]!r} is none", name)
        return int(text)

    def order_id(self, name: str, kind: Kind = INVALID_ID) -> bytes | None:
        text = self.text(name)
        return None if text is None else parse_order_id(text, name, kind)

    def product_id(self) -> str | None:
        """`BTC/USD` is taken for `BTC-USD`."""
        text = self.text("product_id")
        return None if text is None else text.replace("/", "-")

    def time(self, name: str) -> int | None:
        """Nanoseconds, of RFC 3339 or of whole seconds since the epoch."""
        text = self.text(name)
        if text is None:
            return None
        if _SECONDS.fullmatch(text):
            return int(text) * NANOSECONDS
        try:
            found = parse(text)
        except NotATime as error:
            raise Problem(INVALID_PARAMETER, str(error), name) from None
        if not 0 <= found <= LAST:
            raise Problem(INVALID_PARAMETER, f"{text[:64]} is before 1970 or after 2115", name)
        return found

    def granularity(self, default: int) -> int:
        text = self.text("granularity")
        if text is None:
            return default
        if text not in _GRANULARITIES:
            raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is none of {', '.join(_GRANULARITIES)}", "granularity")
        return int(text)

    def seconds(self, name: str, most: int) -> int | None:
        """A whole number of them, up to what is allowed."""
        text = self.text(name)
        if text is None:
            return None
        if not _NUMBER.fullmatch(text) or int(text) > most:
            raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is no whole number of seconds from 0 to {most}", name)
        return int(text)

    def level(self) -> int:
        text = self.text("level")
        if text not in (None, "1", "2", "3"):
            raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is not 1, 2 or 3", "level")
        return int(text or "1")

    def side(self) -> Side | None:
        text = self.text("side")
        if text is None:
            return None
        if text not in ("buy", "sell"):
            raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is not buy or sell", "side")
        return Side[text.upper()]

    def statuses(self) -> frozenset[Status] | None:
        """What is standing, unless told; None is all."""
        given = [part for value in self._given.get("status", []) for part in value.split(",")]
        if not given:
            return STANDING
        if given == ["all"]:
            return None
        names = {status.name.lower(): status for status in Status}
        for name in given:
            if name not in names:
                raise Problem(INVALID_PARAMETER, f"{name[:64]!r} is none of {', '.join(names)}, all", "status")
        return frozenset(names[name] for name in given)

    def account(self, who: Caller) -> str | None:
        """Whose: the caller's own, or for an operator anybody's (None is everybody's)."""
        text = self.text("account")
        if text is None:
            return None if who.operator else who.account
        if not is_account(text):
            raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is no account name", "account")
        if not who.operator and text != who.account:
            raise Problem(OPERATOR_ONLY, "another account's data is for operators", "account")
        return text

    def fill_cursor(self, name: str) -> FillCursor | None:
        text = self.text(name)
        if text is None:
            return None
        match = _FILL_CURSOR.fullmatch(text)
        if match is None or int(match[2]) >= _NUMBER_LIMIT or int(match[1]) > _LAST_TIME:
            raise Problem(INVALID_CURSOR, f"{text[:64]!r} is none", name)
        return FillCursor(int(match[1]), int(match[2]), int(match[3]), TAKER if match[4] == "T" else MAKER)


def parse_order_id(text: str, field: str, kind: Kind = INVALID_ID) -> bytes:
    try:
        return ids.parse(text)
    except ValueError:
        raise Problem(kind, f"{text[:64]!r} is no id", field) from None


def parse_client_oid(text: str, field: str) -> str:
    if not _CLIENT_OID.fullmatch(text):
        raise Problem(INVALID_CLIENT_OID, f"{text[:80]!r} is none", field)
    return text


def fill_cursor_text(cursor: FillCursor) -> str:
    return f"{cursor.time}.{cursor.number}.{cursor.trade_id}.{'T' if cursor.liquidity == TAKER else 'M'}"


def one_cursor(before: _Cursor | None, after: _Cursor | None) -> tuple[_Cursor | None, _Cursor | None]:
    if before is not None and after is not None:
        raise Problem(INVALID_CURSOR, "only one of before and after", "before")
    return before, after
