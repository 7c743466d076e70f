"""What a check has found, in words."""

from collections import Counter
from collections.abc import Sequence

from libs.events.decimals import to_text
from sim.check.outcomes import Outcomes
from sim.receipts import Receipts


class Report:
    """Totals over all partitions. It is written only when nothing differs."""

    def __init__(self) -> None:
        self.commands = 0
        self.events = 0
        self.duplicates = 0
        self.trades = 0
        self.resting = 0
        self.products = 0
        self.rejections: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.volumes: list[str] = []
        self.seconds = 0.0

    def add(self, outcomes: Outcomes) -> None:
        """Take over one partition."""
        self.commands += outcomes.command + 1
        self.events += outcomes.seq
        self.duplicates += outcomes.duplicates
        self.rejections.update({_words(reason.name): count for reason, count in outcomes.rejections.items()})
        self.others.update({_words(reason.name): count for reason, count in outcomes.other_rejections.items()})
        for number, product in outcomes.products.items():
            book = outcomes.books[number]
            bought, _, _ = book.totals()
            self.products += 1
            self.trades += len(book.trades)
            self.resting += sum(len(level) for queue in (book.bids, book.asks) for level in queue.levels.values())
            self.volumes.append(f"{to_text(bought, product.size_scale)} {product.product_id}")

    def lines(self, receipts: Sequence[Receipts]) -> list[str]:
        promised = sum(len(each) for each in receipts)
        refused = Counter[str]()
        for each in receipts:
            refused.update(each.refused)
        found = [
            f"every command has its outcome   {self.commands:,} commands, {self.events:,} events, none missing or twice",
            f"every 202 has one outcome       {promised:,} answers of this run",
            f"refused by the API              {_counts(refused)}",
            f"rejected by the exchange        {_counts(self.rejections)}",
            f"buys = sells                    {self.trades:,} trades, {', '.join(self.volumes) or 'none'}",
            f"Postgres = log = API level 3    {self.resting:,} orders rest in {self.products} products, in queue order",
        ]
        if self.others:
            found.append(f"of other accounts               {_counts(self.others)}")
        if self.duplicates:
            found.append(f"came twice, decided once        {self.duplicates:,} commands")
        return found


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counter.items())) or "nothing"


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
