"""An API key that is ready to use when a local run starts: made once, kept in a file that only its owner can read."""

from pathlib import Path

from deploy.local.secrets import write_private
from libs.access.desk import KeyDesk
from libs.access.keys import API_KEY, as_environment
from libs.access.scopes import Scope
from libs.access.sealing import Sealer
from libs.kafka.adapter import KafkaLog
from libs.service.clock import SystemClock


async def ready_key(directory: Path, kafka: str, sealer: str, name: str, scopes: tuple[Scope, ...]) -> Path:
    """A file that a shell can read, with a key of the account `name`; of an earlier run where it is still good."""
    file = directory / f"{name}-key.env"
    desk = KeyDesk(KafkaLog(kafka, "outcry-local"), SystemClock(), "local run")
    good = {record.id for record in await desk.list() if not record.revoked}
    if variables(file).get(API_KEY) not in good:
        _, shown = await desk.create(Sealer.parse(sealer), name, scopes, label="ready-made by a local run")
        write_private(file, "".join(f"export {each}='{value}'\n" for each, value in as_environment(shown).items()))
    return file


def variables(file: Path) -> dict[str, str]:
    """What a key file says."""
    if not file.exists():
        return {}
    pairs = (line.removeprefix("export ").split("=", 1) for line in file.read_text(encoding="ascii").splitlines())
    return {name: value.strip("'") for name, value in pairs}
