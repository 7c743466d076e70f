"""Deeds are read back newest first, page by page, however many there are."""

import asyncio

from libs.access.audit import Deed, read_deeds, write_deed
from libs.events.topics import OPERATOR_AUDIT
from libs.kafka.memory import Broker, MemoryLog


def test_pages_of_deeds() -> None:
    async def scenario() -> None:
        broker = Broker()
        broker.create_topic(OPERATOR_AUDIT, 1)
        log = MemoryLog(broker)
        assert await read_deeds(log, 10) == []
        for number in range(5):
            await write_deed(log.publisher(), Deed(at=number, actor="eve", action="replays.plan", subject=str(number)))
        newest = await read_deeds(log, 2)
        assert [(each.offset, each.deed.subject) for each in newest] == [(4, "4"), (3, "3")]
        assert [each.offset for each in await read_deeds(log, 10, before=3)] == [2, 1, 0]
        assert await read_deeds(log, 10, before=0) == []
        assert len(await read_deeds(log, 10, before=99)) == 5

    asyncio.run(scenario())
