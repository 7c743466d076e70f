"""What operators did, for ever: records of the topic `operator-audit`, written before the deed."""

from typing import Final, NamedTuple

import msgspec

from libs.events.topics import OPERATOR_AUDIT
from libs.kafka.ports import Entry, Log, Publisher

PARTITION: Final = 0
_POLL_S: Final = 0.5


class Deed(msgspec.Struct, frozen=True, array_like=True, tag=1, kw_only=True):
    """Who did what to which thing, when (ns, UTC). Never a secret. Fields are only ever appended, with defaults."""

    at: int
    actor: str
    action: str
    """Such as `keys.create`."""
    subject: str
    details: dict[str, str] = {}


class Audited(NamedTuple):
    """A deed and its place in the topic."""

    offset: int
    deed: Deed


encode_deed: Final = msgspec.msgpack.Encoder().encode
decode_deed: Final = msgspec.msgpack.Decoder(Deed).decode


async def write_deed(publisher: Publisher, deed: Deed) -> None:
    """Acknowledged, and so before what it tells of. Raises NotPublished or PublishUnknown: then do not do it."""
    await publisher.publish(OPERATOR_AUDIT, PARTITION, [Entry(deed.subject.encode(), encode_deed(deed))])


async def read_deeds(log: Log, limit: int, before: int | None = None) -> list[Audited]:
    """The newest, or the newest of those before an offset; newest first. Raises what the log raises."""
    reader = log.reader(OPERATOR_AUDIT)
    await reader.start()
    found: list[Audited] = []
    try:
        bounds = await reader.bounds(PARTITION)
        end = bounds.end if before is None else max(bounds.start, min(before, bounds.end))
        reader.assign({PARTITION: max(bounds.start, end - limit)})
        while reader.position(PARTITION) < end:
            for record in (await reader.poll(limit, _POLL_S)).get(PARTITION, ()):
                if record.offset < end:
                    found.append(Audited(record.offset, decode_deed(record.value or b"")))
    finally:
        await reader.stop()
    return found[::-1]
