"""The transaction coordinator: who owns an id, what is open under it, and when that lapses."""

from collections.abc import Callable

from libs.kafka.failures import Fenced, TransactionExpired
from libs.kafka.memory.storage import State, Transaction
from libs.kafka.ports import InputOffset
from libs.service.clock import NANOSECONDS


class Transactions:
    """At most one open transaction an id. Ending one makes its group offset count, or not."""

    def __init__(self, offset_committed: Callable[[InputOffset], None]) -> None:
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self._offset_committed = offset_committed

    def take(self, transactional_id: str) -> int:
        """A new owner's epoch. The last owner is fenced, and what it left open is aborted."""
        left_open = self._open.get(transactional_id)
        if left_open is not None:
            self._end(left_open, State.ABORTED)
        self._epochs[transactional_id] = self._epochs.get(transactional_id, -1) + 1
        return self._epochs[transactional_id]

    def begin(self, transactional_id: str, epoch: int, now: int, timeout_s: float) -> Transaction:
        transaction = Transaction(transactional_id, epoch, now + int(timeout_s * NANOSECONDS))
        self.check(transaction)
        self._open[transactional_id] = transaction
        return transaction

    def check(self, transaction: Transaction) -> None:
        """Raises `TransactionExpired` or `Fenced` when this transaction can do nothing any more."""
        current = self._epochs[transaction.transactional_id]
        if transaction.expired:
            raise TransactionExpired(f"the transaction of {transaction.transactional_id} outlived its timeout")
        if transaction.epoch != current:
            raise Fenced(
                f"transactional id {transaction.transactional_id}: epoch {transaction.epoch} is below {current}"
            )

    def commit(self, transaction: Transaction) -> None:
        self.check(transaction)
        self._end(transaction, State.COMMITTED)

    def abort(self, transaction: Transaction) -> None:
        if transaction.state is State.OPEN:
            self._end(transaction, State.ABORTED)

    def next_deadline(self) -> int | None:
        return min((transaction.deadline for transaction in self._open.values()), default=None)

    def expire(self, now: int) -> bool:
        """Abort what is open past its deadline and fence its owner; whether there was any."""
        late = [transaction for transaction in self._open.values() if transaction.deadline <= now]
        for transaction in late:
            transaction.expired = True
            self._epochs[transaction.transactional_id] += 1
            self._end(transaction, State.ABORTED)
        return bool(late)

    def _end(self, transaction: Transaction, state: State) -> None:
        del self._open[transaction.transactional_id]
        transaction.state = state
        for partition in transaction.partitions:
            partition.mark(transaction)
        if state is State.COMMITTED and transaction.offset is not None:
            self._offset_committed(transaction.offset)
