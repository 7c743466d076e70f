"""What Alembic runs, by hand or from `libs.read_model.migrate`, which then hands its connection over."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from libs.read_model.migrate import engine
from libs.read_model.schema import metadata


def _upgrade(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


async def _by_hand() -> None:
    made = engine(os.environ["OUTCRY_POSTGRES"])
    try:
        async with made.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await made.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
elif isinstance(given := context.config.attributes.get("connection"), Connection):
    _upgrade(given)
else:
    asyncio.run(_by_hand())
