"""Dead letters; and the archive leads from an order to what put it off, brought it back, or ended it undecided."""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_DEAD_LETTERS = """
CREATE TABLE dead_letters (
    partition smallint NOT NULL,
    command_offset bigint NOT NULL,
    number integer NOT NULL,
    account text NOT NULL,
    command_id uuid,
    order_id uuid,
    client_oid text NOT NULL,
    kind smallint NOT NULL,
    cause smallint NOT NULL,
    failures integer NOT NULL,
    first_failed_at bigint NOT NULL,
    died_at bigint NOT NULL,
    seq bigint NOT NULL,
    replays smallint NOT NULL,
    replay_partition smallint,
    replay_offset bigint,
    closed smallint,
    closed_at bigint,
    closed_seq bigint,
    closed_by uuid,
    note text NOT NULL,
    PRIMARY KEY (partition, command_offset)
)
"""


def upgrade() -> None:
    op.execute(_DEAD_LETTERS)
    op.execute("CREATE INDEX dead_letters_died_at ON dead_letters (died_at, partition, command_offset)")
    op.execute("CREATE INDEX dead_letters_open ON dead_letters (died_at) WHERE closed IS NULL")
    _index_events("34,35,36,37,39,46,48,49,50,51,57,58,59")


def downgrade() -> None:
    _index_events("34,35,36,37,39,46,48,49,50,51")
    op.execute("DROP TABLE dead_letters")


def _index_events(tags: str) -> None:
    op.execute("DROP INDEX order_events_order_id")
    op.execute(
        f"CREATE INDEX order_events_order_id ON order_events (order_id) WHERE tag = ANY ('{{{tags}}}'::smallint[])"
    )
