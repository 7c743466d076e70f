"""What cannot be run everywhere is read: the compose file, the images, and the dependency groups they install."""

import re
import sys
import tomllib
from pathlib import Path

import grimp
import pytest
import yaml

from deploy.local.kafka import BROKER_SETTINGS
from deploy.local.services import ports_needed, services
from deploy.local.settings import LocalSettings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

PACKAGE_OF = {
    "order-api": "services.order_api",
    "orderbook-worker": "services.orderbook_worker",
    "read-model-builder": "services.read_model_builder",
    "query-api": "services.query_api",
    "deploy": "deploy.gateway",
    "cli": "cli",
}

MODULE_OF = {"pyjwt": "jwt"}
"""Packages whose module has another name."""


def targets() -> dict[str, str]:
    """The text of each image by its name."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def variables_read() -> set[str]:
    """Every `OUTCRY_…` that some process reads: by name, or as a field of its settings."""
    found: set[str] = set()
    for top in ("libs", "services", "deploy", "sim", "cli"):
        for path in (ROOT / top).rglob("*.py"):
            text = path.read_text()
            found |= set(re.findall(r"OUTCRY_[A-Z_]+", text))
            if path.name == "settings.py":
                found |= {f"OUTCRY_{name.upper()}" for name in re.findall(r"^    (\w+): ", text, re.MULTILINE)}
    return found


def installed(group: str) -> set[str]:
    """The modules of the packages that a dependency group names."""
    names: set[str] = set()
    for entry in PYPROJECT["dependency-groups"][group]:
        if isinstance(entry, dict):
            names |= installed(entry["include-group"])
        else:
            name = re.split(r"[\[=<>~ ]", entry)[0].lower().replace("-", "_")
            names.add(MODULE_OF.get(name, name))
    return names


def test_every_service_has_an_image_or_is_built_here() -> None:
    for name, service in COMPOSE["services"].items():
        if "build" in service:
            assert service["build"]["target"] in targets(), name
        else:
            assert ":" in service["image"], f"{name}: an image without a version"


def test_every_service_that_is_waited_for_exists_and_can_be_waited_for() -> None:
    for name, service in COMPOSE["services"].items():
        for other, condition in service.get("depends_on", {}).items():
            awaited = COMPOSE["services"][other]
            if condition["condition"] == "service_healthy" and "build" not in awaited:
                assert "healthcheck" in awaited, f"{name} waits for the health of {other}"


def test_every_volume_is_declared() -> None:
    used = {mount.partition(":")[0] for service in COMPOSE["services"].values() for mount in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_every_variable_is_read_by_something() -> None:
    used = set(re.findall(r"OUTCRY_[A-Z_]+", (ROOT / "docker-compose.yml").read_text() + DOCKERFILE))
    assert used <= variables_read()


def test_the_processes_are_those_of_the_local_run() -> None:
    settings = LocalSettings.read({})
    local = {service.instance for service in services(settings, tuple(range(ports_needed(settings))))}
    composed = {
        service.get("environment", {}).get("OUTCRY_INSTANCE", name)
        for name, service in COMPOSE["services"].items()
        if "build" in service and name not in {"topics", "cli"}
    }
    assert composed == local


def test_the_gateway_asks_every_process_for_its_health() -> None:
    pairs = COMPOSE["services"]["gateway"]["environment"]["OUTCRY_GATEWAY_PROCESSES"].strip().split(",")
    asked = {host for _, host in (pair.split("=") for pair in pairs)}
    processes = {
        name for name, service in COMPOSE["services"].items() if "OUTCRY_INSTANCE" in service.get("environment", {})
    }
    assert asked == {f"{name}:9000" for name in processes}


def test_the_broker_is_set_as_in_the_local_run() -> None:
    environment = COMPOSE["services"]["kafka"]["environment"]
    for key, value in BROKER_SETTINGS.items():
        variable = "KAFKA_" + key.upper().replace(".", "_")
        if variable in environment:
            assert environment[variable] == value, key


@pytest.mark.parametrize("target", PACKAGE_OF)
def test_an_image_installs_its_group_from_the_lock_and_copies_its_code(target: str) -> None:
    text = targets()[target]
    assert f"--require-hashes --group pyproject.toml:{target} --constraint requirements.lock" in text
    assert "USER outcry" in text
    assert f"COPY {PACKAGE_OF[target].replace('.', '/').removesuffix('/gateway')} " in text


@pytest.mark.parametrize(("group", "package"), PACKAGE_OF.items())
def test_a_group_holds_what_its_process_imports(group: str, package: str) -> None:
    graph = grimp.build_graph("libs", "services", "deploy", "cli", "sim", include_external_packages=True)
    if package not in graph.modules:
        pytest.skip(f"{package} is not written yet")
    reached = graph.find_upstream_modules(package, as_package=True) | graph.find_children(package)
    roots = {module.partition(".")[0].lower() for module in reached} - {"libs", "services", "deploy", "cli", "sim"}
    assert roots - sys.stdlib_module_names <= installed(group)


def test_the_import_contracts_look_at_every_package() -> None:
    """A package that the linter does not know is one that it does not check."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(PYPROJECT["tool"]["importlinter"]["root_packages"])
