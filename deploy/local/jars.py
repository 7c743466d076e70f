"""Kafka's jars: resolved once from Maven Central by jgo, checked against `kafka-jars.lock`, kept in the venv.

Only what the lock names, with the hash that it names, is ever put on the class path; a copy appears under its
final name only when it is complete.
"""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.local.problem import CannotRun
from deploy.local.terminal import progress

KAFKA_VERSION = "4.1.1"
# kafka-clients is named although it is a dependency: left to itself the resolver takes an old one.
ENDPOINT = "+".join(
    (
        f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
        f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
    )
)
LOCK = Path(__file__).with_name("kafka-jars.lock")
HASHED_BLOCK = 1024 * 1024


def jar_directory() -> Path:
    """Where the jars of this version lie: in the virtual environment, so that it is one thing to throw away."""
    return Path(sys.prefix) / "share" / "outcry" / f"kafka-{KAFKA_VERSION}"


def class_path() -> str:
    """The class path of the broker."""
    directory = jar_directory()
    if not directory.is_dir():
        raise CannotRun(f"Kafka {KAFKA_VERSION} is not installed in {sys.prefix}: run `make setup`.")
    return ":".join(str(directory / name) for name in sorted(locked_jars()))


def locked_jars() -> dict[str, str]:
    """SHA-256 by file name."""
    lines = LOCK.read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def install() -> None:
    """Fetch what is missing. Does nothing when the jars are there."""
    target = jar_directory()
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        jars = _fetch()
        complete = Path(scratch) / "jars"
        complete.mkdir()
        for name, digest in locked_jars().items():
            _copy_checked(jars, name, digest, complete)
        complete.rename(target)


def _fetch() -> dict[str, Path]:
    # They come with the group `local` and are needed in set-up alone; importing them costs 0.3 s at each start.
    import jgo
    import requests

    try:
        artifacts = jgo.resolve(ENDPOINT)
        jars: dict[str, Path] = {}
        for number, artifact in enumerate(artifacts, 1):
            jar = Path(artifact.resolve())
            jars[jar.name] = jar
            progress(f"Kafka {KAFKA_VERSION}: {number} of {len(artifacts)} jars", last=number == len(artifacts))
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise CannotRun(
            f"Kafka {KAFKA_VERSION} could not be fetched from Maven Central, check the network: {error}"
        ) from error
    return jars


def _copy_checked(jars: dict[str, Path], name: str, digest: str, directory: Path) -> None:
    source = jars.get(name)
    if source is None:
        raise CannotRun(f"Maven Central did not deliver {name}, which {LOCK.name} names.")
    copy = directory / name
    shutil.copyfile(source, copy)
    found = _sha256(copy)
    if found != digest:
        raise CannotRun(f"{name} has SHA-256 {found}, {LOCK.name} says {digest}: it is not installed.")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASHED_BLOCK):
            digest.update(block)
    return digest.hexdigest()
