"""What the check raises: the first thing that is not as it must be."""


class Difference(Exception):
    """Something does not agree. The message names the place, what was expected, and what was found."""


def same(what: str, expected: object, found: object) -> None:
    """Raise Difference unless the two are equal."""
    if expected != found:
        raise Difference(f"{what}: expected {expected}, found {found}")
