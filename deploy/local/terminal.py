"""What the person who started the exchange reads: a line for what happened, nothing else."""

import sys


def say(line: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def progress(line: str, *, last: bool) -> None:
    """A line that the next one takes the place of; where nobody watches, only the last one is written."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r{line}" + ("\n" if last else ""))
        sys.stdout.flush()
    elif last:
        say(line)


def complain(line: str) -> None:
    """One line on standard error, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
