"""The limits of replays, from the settings, as the parts want them."""

from typing import NamedTuple

from services.order_api.settings import OrderApiSettings


class ReplayLimits(NamedTuple):
    """`…_s` in seconds."""

    letters: int
    rate: int
    most_rate: int
    kept: int
    progress_s: float
    poll_s: float
    retry_s: float
    wait_s: float
    body_bytes: int


def replay_limits(settings: OrderApiSettings) -> ReplayLimits:
    return ReplayLimits(
        letters=settings.replay_letters,
        rate=settings.replay_rate,
        most_rate=settings.replay_rate_most,
        kept=settings.replays_kept,
        progress_s=settings.replay_progress_ms / 1000,
        poll_s=settings.replay_poll_ms / 1000,
        retry_s=settings.replay_retry_ms / 1000,
        wait_s=settings.replay_wait_ms / 1000,
        body_bytes=settings.batch_body_bytes,
    )
