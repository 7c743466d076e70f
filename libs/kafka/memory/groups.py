"""The group coordinator: members, generations, and eager rebalances in which everything is revoked, then assigned."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Protocol

from libs.kafka.memory.waiting import Time
from libs.service.clock import NANOSECONDS


class Owner(Protocol):
    """What the coordinator asks of a client that has joined."""

    async def give_up(self) -> None:
        """A rebalance begins: revoke all."""
        ...

    def receive(self, partitions: frozenset[int], generation: int) -> None:
        """A rebalance has ended with this."""
        ...


class Member:
    """One place in the group. A silent one (its process is dead) keeps the place until its session is over.

    `context` is that of its process: what the coordinator asks of the owner happens there.
    """

    def __init__(self, member_id: str, owner: Owner) -> None:
        self.member_id = member_id
        self.owner = owner
        self.partitions: frozenset[int] = frozenset()
        self.generation = 0
        """The last one that its owner was told of."""
        self.silent_until: int | None = None
        self.gone = False
        self.context = copy_context()


class Group:
    """One group on one topic. `generation` counts rebalances from 1.

    A rebalance is one task: everybody gives up, which takes time, then everybody receives, which takes none. Who joins
    or leaves meanwhile is simply in or out at its end. It runs in the context in which the group was made, and so
    outlives whoever caused it, where somebody drops the tasks of a dead process.
    """

    def __init__(
        self,
        name: str,
        partitions: int,
        time: Time,
        session_timeout_s: float,
        notify: Callable[[], None],
        context: Context,
    ) -> None:
        self.name = name
        self.generation = 0
        self._partitions = partitions
        self._time = time
        self._session_ns = int(session_timeout_s * NANOSECONDS)
        self._notify = notify
        self._context = context
        self._members: dict[str, Member] = {}
        self._joined = 0
        self._rebalance: asyncio.Task[None] | None = None
        self._woken: asyncio.Future[None] | None = None

    def join(self, owner: Owner, instance: str | None) -> Member:
        """A static member that comes back takes its old place over, assignment included, without a rebalance."""
        self._joined += 1
        place = instance if instance is not None else f"member-{self._joined:06}"
        member = Member(f"{place}-{self._joined}", owner)
        last = self._members.get(place)
        self._members[place] = member
        if last is not None:
            last.gone = True
        if last is None or self._rebalance is not None:
            self._begin()
        else:
            member.partitions = last.partitions
            asyncio.get_running_loop().call_soon(self._receive, member)
        return member

    def leave(self, member: Member) -> None:
        if self._remove(member):
            self._begin()

    def fall_silent(self, member: Member) -> None:
        """No heartbeat comes from now on: its process is dead or stuck."""
        member.silent_until = self._time.now() + self._session_ns
        self._wake()

    def speak(self, member: Member) -> None:
        """Heartbeats come again, and with them what the member was assigned meanwhile. Too late when the place is gone;
        the member finds that out itself."""
        member.silent_until = None
        if self._rebalance is None:
            self._receive(member)
        self._wake()

    def grow(self, partitions: int) -> None:
        self._partitions = partitions
        self._begin()

    def expire(self, now: int) -> bool:
        """Remove members whose session is over; whether there were any."""
        late = [member for member in self._members.values() if (member.silent_until or now + 1) <= now]
        for member in late:
            self._remove(member)
        if late:
            self._begin()
        return bool(late)

    def next_deadline(self) -> int | None:
        silent = [member.silent_until for member in self._members.values() if member.silent_until is not None]
        return min(silent, default=None)

    def _remove(self, member: Member) -> bool:
        places = [place for place, held in self._members.items() if held is member]
        for place in places:
            del self._members[place]
        member.gone = True
        return bool(places)

    def _begin(self) -> None:
        self._wake()
        if self._rebalance is None:
            self._rebalance = _task(self._rebalancing(), self._context)

    async def _rebalancing(self) -> None:
        deadline = self._time.now() + self._session_ns
        giving_up = [_task(self._give_up(member), member.context) for member in self._owning(silent=False)]
        while self._owning():
            now = self._time.now()
            for member in self._owning():
                if now >= min(deadline, member.silent_until or deadline):
                    self._remove(member)
            if self._owning():
                wake = min([deadline, *(member.silent_until or deadline for member in self._owning())])
                self._woken = asyncio.get_running_loop().create_future()
                await self._time.wait(self._woken, max(wake - now, 0) / NANOSECONDS)
        self._rebalance = None
        self._assign_all()
        await asyncio.gather(*giving_up)  # who was too late ends on his own; this keeps his task

    def _owning(self, *, silent: bool = True) -> list[Member]:
        return [
            member for member in self._members.values() if member.partitions and (silent or member.silent_until is None)
        ]

    async def _give_up(self, member: Member) -> None:
        await member.owner.give_up()
        member.partitions = frozenset()
        self._wake()

    def _assign_all(self) -> None:
        """Partition by partition to members in the order of their places, as the round-robin assignor does."""
        self.generation += 1
        members = [self._members[place] for place in sorted(self._members)]
        for index, member in enumerate(members):
            member.partitions = frozenset(range(index, self._partitions, len(members)))
        for member in members:
            self._receive(member)

    def _receive(self, member: Member) -> None:
        if member.silent_until is None and not member.gone and member.generation != self.generation:
            member.generation = self.generation
            member.context.copy().run(member.owner.receive, member.partitions, self.generation)
        self._notify()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
        self._notify()


def _task(work: Coroutine[None, None, None], context: Context) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, context=context)
