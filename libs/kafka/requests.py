"""Sends the requests of a transaction, each again while what hinders it passes, and looks at every answer.

Nothing here has a time limit of its own: who calls sets one around all of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from libs.kafka import wire
from libs.kafka.failures import LogBroken
from libs.kafka.limits import Limits
from libs.kafka.ports import InputOffset
from libs.kafka.untyped import (
    KafkaError,
    Producer,
    exchange,
    forget_coordinators,
    group_coordinator,
    is_passing,
    is_unfinished,
    leader,
    learn_leaders,
    place,
    refusal,
    transaction_coordinator,
)
from libs.kafka.wire import Batch, Owner, Written

_FEATURE: Final = "transaction.version"
_NEEDED: Final = 2


class Requests:
    def __init__(self, producer: Producer, limits: Limits) -> None:
        self._producer = producer
        self._limits = limits

    async def check(self, transactional_id: str) -> None:
        """Raises `LogBroken` where the broker does not add partitions by itself and give each transaction an epoch."""
        node = await transaction_coordinator(self._producer, transactional_id)
        answer = await exchange(self._producer, node, wire.api_versions(), coordination=True)
        level = wire.finalized_features(answer).get(_FEATURE, 0)
        if level < _NEEDED:
            raise LogBroken(f"the cluster has {_FEATURE} {level}, and {_NEEDED} is needed (Kafka 4.0 or later)")

    async def write(self, transactional_id: str | None, batches: Iterable[Batch]) -> list[Written]:
        """At most one batch a partition. One that is sent twice is told by its sequence, and is in the log once."""
        waiting = {(batch.topic, batch.partition): batch for batch in batches}
        done: list[Written] = []
        while waiting:
            hindered: Exception | None = None
            for node, group in self._by_leader(waiting.values()).items():
                try:
                    found = [] if node is None else await self._produce(node, transactional_id, group)
                except KafkaError as error:
                    hindered = _if_passing(error)
                    continue
                for written in found:
                    if written.error:
                        hindered = _if_passing(refusal(written.error))
                    else:
                        done.append(_placed(written))
                        del waiting[written.topic, written.partition]
            if waiting:
                await self._pause(hindered)
        return done

    async def commit_offset(self, owner: Owner, offset: InputOffset) -> None:
        group, topic, partition, next_offset = offset
        request = wire.commit_offset(owner, group, topic, partition, next_offset)
        while True:
            try:
                node = await group_coordinator(self._producer, group)
                code = wire.offset_error(await exchange(self._producer, node, request, coordination=True))
                if not code:
                    return
                raise refusal(code)
            except KafkaError as error:
                await self._pause(_if_passing(error))

    async def end(self, owner: Owner, *, commit: bool) -> Owner:
        """The owner of the next transaction. A repeated end is answered like the first one."""
        request = wire.end(owner, commit=commit)
        while True:
            try:
                node = await transaction_coordinator(self._producer, owner.name)
                code, producer_id, epoch = wire.ended(await exchange(self._producer, node, request, coordination=True))
                if not code:
                    return Owner(owner.name, producer_id, epoch)
                raise refusal(code)
            except KafkaError as error:
                await self._pause(_if_passing(error))

    async def _produce(self, node: int, transactional_id: str | None, batches: Sequence[Batch]) -> list[Written]:
        request = wire.produce(transactional_id, int(self._limits.request_timeout_s * 1000), batches)
        return wire.written(await exchange(self._producer, node, request, coordination=False))

    def _by_leader(self, batches: Iterable[Batch]) -> dict[int | None, list[Batch]]:
        found: defaultdict[int | None, list[Batch]] = defaultdict(list)
        for batch in batches:
            found[leader(self._producer, place(batch.topic, batch.partition))].append(batch)
        return found

    async def _pause(self, hindered: Exception | None) -> None:
        """Before the next attempt. Unless only the last transaction is still being finished, ask anew who to ask."""
        if hindered is not None and is_unfinished(hindered):
            await asyncio.sleep(self._limits.concurrent_transaction_backoff_s)
            return
        forget_coordinators(self._producer)
        await learn_leaders(self._producer)
        await asyncio.sleep(self._limits.retry_backoff_s)


def _if_passing(error: Exception) -> Exception:
    """Raises what no second attempt mends."""
    if is_passing(error):
        return error
    raise error


def _placed(written: Written) -> Written:
    if written.base_offset < 0:
        raise KafkaError("the broker acknowledged a batch without saying where it is")
    return written
