"""Order-book scripts: a scenario a reviewer reads without knowing the set-up.

    place  A1  ann  sell  5 @ 101            -> accepted, rests 5
    place  B1  cat  buy   7 @ 101 ioc        -> accepted, trade 5 @ 101 with A1, done filled A1, done canceled
    place  S1  bob  sell  2 @ market stop 99 -> accepted, armed
    amend  A1  ann  size 4                   -> amended, keeps priority
    cancel A1  ann                           -> done canceled
    cancel_all ann                           -> done canceled A2, canceled 1
    arm    ann 5s                            -> switch armed
    advance 5s                               -> switch of ann fired 0, time advanced
    status cancel_only                       -> status cancel_only
    book                                     -> bids - | asks 2 @ 101

Prices have one decimal place and the tick 0.5, sizes none and the lot 1. After every command the oracle's events, the
folded state, the invariants and a restored snapshot are compared with the engine's.
"""

import re

from libs.book.ladder import Ladder
from libs.events.decimals import to_text
from tests.unit.matching import script_failures
from tests.unit.matching.script_commands import MILLISECOND, SIZE_SCALE, START, listing
from tests.unit.matching.script_venue import Venue, parse
from tests.unit.matching.script_words import show, show_price

__all__ = ["MILLISECOND", "START", "Venue", "check", "listing", "parse"]


def check(script: str, venue: Venue | None = None) -> Venue:
    """Run a script line by line, from a fresh venue or on with one, and compare what each line says.

    A line that ends with a comma goes on in the next.
    """
    venue = venue or Venue()
    for line in re.sub(r",\s*\n\s*", ", ", script).strip().splitlines():
        said, _, expected = (part.strip() for part in line.partition("->"))
        if not said:
            continue
        found = show_book(venue) if said == "book" else run(venue, said)
        assert found == expected, f"\n{said}\n  expected {expected}\n  found    {found}"
    return venue


def run(venue: Venue, said: str) -> str:
    first, _, rest = said.partition(" ")
    if first in script_failures.SAID:
        return script_failures.SAID[first](venue, rest)
    command = parse(venue, said)
    return show(command, venue.send(command), venue.names)


def show_book(venue: Venue) -> str:
    book = venue.engine.state.products[venue.number]
    return f"bids {show_side(book.bids)} | asks {show_side(book.asks)}"


def show_side(ladder: Ladder) -> str:
    return ", ".join(f"{to_text(level.volume, SIZE_SCALE)} @ {show_price(level.price)}" for level in ladder) or "-"
