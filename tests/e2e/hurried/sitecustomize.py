"""Retry tiers of tenths of a second, in every process that is started with this directory on its PYTHONPATH.

How long a command waits is a part of the rules and no setting, so that the log alone says what was decided. Tests
that wait for three tiers would wait for more than a minute; they change the rules for a whole exchange instead.
"""

from libs.events import topics

setattr(topics, "RETRY_WAITS_NS", (100_000_000, 200_000_000, 300_000_000))  # noqa: B010  # before anybody imports it
