"""Settings are read, refused and shown as promised."""

import pytest

from libs.service.settings import Settings, SettingsError, describe, load, unknown_variables


class Example(Settings, frozen=True, kw_only=True):
    http_port: int
    gather_ms: int = 2
    warm: bool = False
    ratio: float = 0.5
    api_secret: str = ""


GIVEN = {"OUTCRY_HTTP_PORT": "8081"}


def test_a_field_is_read_from_its_variable_and_converted() -> None:
    settings = load(Example, GIVEN | {"OUTCRY_WARM": "true", "OUTCRY_RATIO": "0.25", "OUTCRY_KAFKA": "k:1"})
    assert (settings.http_port, settings.warm, settings.ratio, settings.kafka) == (8081, True, 0.25, "k:1")
    assert settings.gather_ms == 2


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ("OUTCRY_HTTP_PORT", "is not set", "whole number")),
        ({"OUTCRY_HTTP_PORT": "http"}, ("OUTCRY_HTTP_PORT='http'", "whole number such as 250 would do")),
        ({"OUTCRY_HTTP_PORT": ""}, ("OUTCRY_HTTP_PORT", "is empty")),
        (GIVEN | {"OUTCRY_WARM": "maybe"}, ("OUTCRY_WARM='maybe'", "true or false would do")),
        (GIVEN | {"OUTCRY_LOG_LEVEL": "loud"}, ("OUTCRY_LOG_LEVEL", "one of debug, info, warning, error")),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(environ: dict[str, str], words: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as refused:
        load(Example, environ)
    for word in words:
        assert word in str(refused.value)


def test_a_typing_error_is_reported_with_the_nearest_name() -> None:
    environ = GIVEN | {"OUTCRY_KAFKAA": "x", "OUTCRY_PORT": "1", "PATH": "y"}
    (sentence,) = unknown_variables(Example, environ, also_known=("OUTCRY_PORT",))
    assert "OUTCRY_KAFKAA" in sentence
    assert sentence.endswith("OUTCRY_KAFKA")


def test_no_secret_is_shown() -> None:
    environ = GIVEN | {"OUTCRY_POSTGRES": "postgresql://me:s3cret@db:5432/x", "OUTCRY_REDIS": "redis://:pw@r:1/0"}
    shown = describe(load(Example, environ | {"OUTCRY_API_SECRET": "k3y"}))
    assert shown["postgres"] == "postgresql://me:***@db:5432/x"
    assert shown["redis"] == "redis://:***@r:1/0"
    assert shown["api_secret"] == "***"
    assert shown["http_port"] == "8081"
