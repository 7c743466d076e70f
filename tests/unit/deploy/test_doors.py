"""Who may reach a local run, and the secrets it keeps."""

import stat
from pathlib import Path

import pytest

from deploy.gateway.settings import GatewaySettings
from deploy.local.problem import CannotRun
from deploy.local.ready_key import variables
from deploy.local.secrets import VARIABLE, secrets_key, write_private
from deploy.local.servers import Addresses
from deploy.local.services import environment, ports_needed, services
from deploy.local.settings import LocalSettings
from libs.access.sealing import SECRETS_FILE, Sealer, new_key
from libs.service.settings import SettingsError

GATEWAY = {
    "OUTCRY_HTTP_PORT": "1",
    "OUTCRY_ADMIN_PORT": "2",
    "OUTCRY_GATEWAY_ORDER_API": "127.0.0.1:3",
    "OUTCRY_GATEWAY_QUERY_API": "127.0.0.1:4",
    "OUTCRY_GATEWAY_PROCESSES": "",
}


def test_the_gateway_opens_to_strangers_only_with_authentication() -> None:
    assert GatewaySettings.read(GATEWAY).host == "127.0.0.1"
    open_to_all = GATEWAY | {"OUTCRY_HOST": "0.0.0.0"}
    for auth in ({}, {"OUTCRY_AUTH": "off"}):
        with pytest.raises(SettingsError, match="this machine alone"):
            GatewaySettings.read(open_to_all | auth)
    assert GatewaySettings.read(open_to_all | {"OUTCRY_AUTH": "required"}).host == "0.0.0.0"


def test_a_run_makes_its_sealing_key_once_and_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    made = secrets_key(tmp_path / "data")
    Sealer.parse(made)
    file = tmp_path / "data" / SECRETS_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secrets_key(tmp_path / "data") == made
    file.write_text("damaged")
    with pytest.raises(CannotRun, match=SECRETS_FILE):
        secrets_key(tmp_path / "data")
    given = new_key()
    monkeypatch.setenv(VARIABLE, given)
    assert secrets_key(tmp_path / "data") == given


def test_only_the_processes_that_check_keys_can_open_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, new_key())
    settings = LocalSettings.read({"OUTCRY_DATA_DIR": str(tmp_path), "OUTCRY_AUTH": "required"})
    all_services = services(settings, tuple(range(ports_needed(settings))))
    told = {each.instance: environment(each, all_services, settings, Addresses("k", "p", "r")) for each in all_services}
    assert {name for name, own in told.items() if VARIABLE in own} == {"order-api-1", "query-api-1"}
    assert {name for name, own in told.items() if own.get("OUTCRY_AUTH") == "required"} == {
        "gateway",
        "order-api-1",
        "query-api-1",
    }


def test_authentication_is_off_or_required() -> None:
    assert LocalSettings.read({}).auth == "off"
    with pytest.raises(CannotRun, match="OUTCRY_AUTH is 'of'"):
        LocalSettings.read({"OUTCRY_AUTH": "of"})


def test_a_key_file_is_read_as_a_shell_would(tmp_path: Path) -> None:
    file = tmp_path / "demo-key.env"
    assert variables(file) == {}
    write_private(file, "export OUTCRY_API_KEY='a'\nexport OUTCRY_API_SECRET='b=='\n")
    assert variables(file) == {"OUTCRY_API_KEY": "a", "OUTCRY_API_SECRET": "b=="}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
