"""Errors by what the caller can do about them; each carries the numbers in its message."""


class Transient(Exception):
    """May succeed when tried again: back off, then take over again or answer that it may be retried."""


class Poison(Exception):
    """This input can never be processed: set it aside with its cause and go on."""


class Fatal(Exception):
    """This process must end, and be started anew by its supervisor."""


class Away(Transient):
    """A store did not answer within its limit, or was left alone because it did not a moment ago."""
