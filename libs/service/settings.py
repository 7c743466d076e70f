"""Settings from the environment: one frozen object a service, every limit a named field.

A field `kafka` is read from `OUTCRY_KAFKA`. A value that does not fit is refused with the name of its variable;
a variable nobody knows is reported with the nearest name that is known, since a typing error must not go unseen.
"""

import difflib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeVar, get_args

import msgspec

PREFIX: Final = "OUTCRY_"
_PASSWORD: Final = re.compile(r"(?<=:)[^:/@\s]+(?=@)")
_SECRET: Final = re.compile(r"(secret|password|token|private_key)", re.IGNORECASE)
_MASK: Final = "***"

LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(Exception):
    """A variable's value does not fit. The message says which, what is wrong, and what would do."""

    def __init__(self, variable: str, value: str, problem: str, fitting: str) -> None:
        super().__init__(f"{variable}={value!r}: {problem}; {fitting}")
        self.variable = variable


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process has. Services subclass it and append their own fields and limits."""

    cluster: str = "outcry"
    """Prefix of consumer groups and transactional ids."""
    instance: str = "1"
    """Tells processes of one service from each other; the same after a restart."""
    kafka: str = "127.0.0.1:9092"
    postgres: str = "postgresql://outcry@127.0.0.1:5432/outcry"
    redis: str = "redis://127.0.0.1:6379/0"
    host: str = "127.0.0.1"
    """The address every server of the process listens on."""
    admin_port: int = 0
    """Health and metrics; 0 takes a free one and logs it."""
    data_dir: str = ".outcry"
    log_level: LogLevel = "info"
    health_timeout_ms: int = 2_000
    """Time limit of each dependency's check."""
    stop_timeout_ms: int = 8_000
    """How long the work in hand may take once the process was asked to stop."""


S = TypeVar("S", bound=Settings)


def variable(field: str) -> str:
    """`OUTCRY_ADMIN_PORT` of `admin_port`."""
    return PREFIX + field.upper()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(settings_type: type[S], environ: Mapping[str, str]) -> S:
    """The settings as the environment says, defaults for the rest. Raises SettingsError for the first that does not fit."""
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(settings_type):
        text = environ.get(variable(field.name))
        if text is not None:
            found[field.name] = _convert(variable(field.name), text, field.type)
        elif field.required:
            raise SettingsError(variable(field.name), "", "is not set and has no default", _fitting(field.type))
    return msgspec.convert(found, settings_type)


def _convert(name: str, text: str, wanted: Any) -> object:
    value = text.strip()
    if value == "" and wanted is not str:
        raise SettingsError(name, text, "is empty", _fitting(wanted))
    try:
        converted: object = msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(name, text, str(error), _fitting(wanted)) from error
    return converted


def _fitting(wanted: Any) -> str:
    """What would do, in words."""
    if wanted is bool:
        return "true or false would do"
    if wanted is int:
        return "a whole number such as 250 would do"
    choices = get_args(wanted)
    if choices and all(isinstance(choice, str) for choice in choices):
        return f"one of {', '.join(choices)} would do"
    return f"a value of type {getattr(wanted, '__name__', wanted)} would do"


def unknown_variables(
    settings_type: type[Settings], environ: Mapping[str, str], also_known: Iterable[str] = ()
) -> list[str]:
    """One sentence for each `OUTCRY_…` variable that no field reads. `also_known`: names read elsewhere."""
    known = {variable(field.name) for field in msgspec.structs.fields(settings_type)} | set(also_known)
    sentences = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest known name is {near[0]}" if near else ""
            sentences.append(f"{name} is read by nothing here{hint}")
    return sentences


def describe(settings: Settings) -> dict[str, str]:
    """Every field as text, for people: passwords inside addresses are masked, secrets left out."""
    shown = {}
    for field in msgspec.structs.fields(settings):
        text = str(getattr(settings, field.name))
        shown[field.name] = _MASK if _SECRET.search(field.name) and text else _PASSWORD.sub(_MASK, text)
    return shown
