"""The answers to GET of the venue itself: its time, its state, its currencies, its limits."""

from collections.abc import Iterable

from libs.events.decimals import to_text
from libs.events.values import Product
from libs.service.http import Scope
from libs.service.problems import CURRENCY_NOT_FOUND, Problem
from services.query_api import views
from services.query_api.feed.description import asyncapi
from services.query_api.listener import Listener
from services.query_api.requests import asked
from services.query_api.settings import QueryApiSettings
from services.query_api.shapes import (
    Currency,
    CurrencyDetails,
    Limits,
    PageLimits,
    ProductStatus,
    RateLimits,
    RequestLimits,
    Status,
)
from services.query_api.sources import Answer, Sources, answer
from services.query_api.texts import iso, word


class VenueAnswers:
    def __init__(self, sources: Sources, listener: Listener) -> None:
        self._sources = sources
        self._listener = listener

    async def time(self, scope: Scope) -> Answer:
        asked(scope)
        now = self._sources.clock.now()
        return answer({"iso": iso(now), "epoch": to_text(now // 1_000, 6), "epoch_ns": now})

    async def asyncapi(self, scope: Scope) -> Answer:
        asked(scope)
        return Answer(asyncapi())

    async def positions(self, scope: Scope) -> Answer:
        asked(scope)
        return answer(views.positions(self._sources.live, self._listener.positions))

    async def status(self, scope: Scope) -> Answer:
        await self._sources.follow(asked(scope))
        live = self._sources.live
        stopped = [str(at) for at, tail in sorted(live.tails.items()) if tail.stopped]
        message = f"stopped partitions: {', '.join(stopped)}" if stopped else ""
        products = [ProductStatus(product.product_id, word(product.status)) for product in live.products()]
        return answer(Status("degraded" if stopped else "online", message, products))

    async def limits(self, scope: Scope) -> Answer:
        asked(scope)
        return answer(limits(self._sources.settings))

    async def currencies(self, scope: Scope) -> Answer:
        await self._sources.follow(asked(scope))
        return answer(currencies(self._sources.live.products()))

    async def currency(self, scope: Scope, name: str) -> Answer:
        await self._sources.follow(asked(scope))
        found = next((each for each in currencies(self._sources.live.products()) if each.id == name), None)
        if found is None:
            raise Problem(CURRENCY_NOT_FOUND, field="id")
        return answer(found)


def currencies(products: Iterable[Product]) -> list[Currency]:
    """Those of all listed products, by name."""
    scales: dict[str, int] = {}
    for product in products:
        for name, scale in (
            (product.base_currency, product.size_scale),
            (product.quote_currency, product.price_scale),
        ):
            scales[name] = max(scale, scales.get(name, 0))
    units = {name: to_text(1, scale) for name, scale in scales.items()}
    return [
        Currency(name, name, unit, unit, "online", CurrencyDetails("crypto", unit))
        for name, unit in sorted(units.items())
    ]


def limits(settings: QueryApiSettings) -> Limits:
    return Limits(
        RequestLimits(
            _rate(settings.limit_key_per_s, settings.limit_key_burst),
            _rate(settings.limit_address_per_s, settings.limit_address_burst),
            settings.body_bytes,
            settings.batch_body_bytes,
            settings.batch_items,
            settings.signature_window_ms // 1000,
        ),
        PageLimits(
            settings.page_default,
            settings.page_limit,
            settings.events_limit,
            settings.candles_limit,
            settings.order_wait_ms // 1000,
        ),
    )


def _rate(per_second: int, burst: int) -> RateLimits | None:
    return RateLimits(per_second, burst or per_second) if per_second else None
