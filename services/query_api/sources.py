"""What answers are made of: the live book and Postgres, each with the wait until it has passed a position."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from libs.book.product import ProductBook
from libs.events.values import Product
from libs.service.clock import Clock
from libs.service.problems import NOT_READY, PRODUCT_NOT_FOUND, Problem
from services.query_api.live import LiveBooks
from services.query_api.progress import Progress
from services.query_api.reads import Reads
from services.query_api.requests import Asked
from services.query_api.settings import QueryApiSettings

_encoder = msgspec.json.Encoder()


class Answer(NamedTuple):
    """A body, and the cursors of its first and last item where it is a page of something."""

    body: bytes
    before: str = ""
    after: str = ""


def answer(view: object, before: str = "", after: str = "") -> Answer:
    return Answer(_encoder.encode(view), before, after)


class Sources:
    """Each method raises Problem where there is no such thing, or it is not reached in time."""

    def __init__(
        self,
        live: LiveBooks,
        reads: Reads,
        projected: Progress,
        followed: Progress,
        clock: Clock,
        settings: QueryApiSettings,
    ) -> None:
        self.live = live
        self.reads = reads
        self.projected = projected
        self.clock = clock
        self.settings = settings
        self._followed = followed

    async def follow(self, request: Asked) -> None:
        """Wait until the live book has passed what the request names."""
        self._loaded()
        await self._followed.reach(request.wanted, self.settings.wait_ms / 1000)

    async def project(self, request: Asked) -> None:
        """Wait until Postgres has passed what the request names."""
        await self.projected.reach(request.wanted, self.settings.wait_ms / 1000)

    async def numbers(self, request: Asked) -> list[int] | None:
        """The numbers of the product that is asked for, if one is."""
        product_id = request.given.product_id()
        if product_id is None:
            return None
        await self.follow(request)
        return [life.number for life in self.lives(product_id)]

    def lives(self, product_id: str) -> Sequence[Product]:
        self._loaded()
        lives = self.live.lives(product_id)
        if not lives:
            raise Problem(PRODUCT_NOT_FOUND, field="product_id")
        return lives

    def book(self, product_id: str) -> ProductBook:
        product = self.lives(product_id)[-1]
        stopped = self.live.tails[product.partition].stopped
        if stopped:
            raise Problem(NOT_READY, f"partition {product.partition} is stopped: {stopped}")
        book = self.live.book(product)
        if book is None:
            raise Problem(PRODUCT_NOT_FOUND, "the product is delisted", "product_id")
        return book

    def limit(self, request: Asked) -> int:
        return request.given.limit(self.settings.page_default, self.settings.page_limit)

    def _loaded(self) -> None:
        if not self.live.loaded:
            raise Problem(NOT_READY, "the books are not loaded yet")
