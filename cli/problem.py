"""What ends a command with a sentence for the person who typed it."""


class CannotDo(Exception):
    """The message says what is wrong and what to do."""
