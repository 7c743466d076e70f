"""argparse with two additions: a word that is nearly right is answered with the right one, a missing one with the help."""

import argparse
import difflib
import re
from typing import Never

_INVALID = re.compile(r"invalid choice: '(?P<given>[^']*)' \(choose from (?P<choices>.*)\)")

_MISSING = "the following arguments are required"


class Parser(argparse.ArgumentParser):
    """Exits with 2 and one line, the suggestion behind it; below the help where a word is missing."""

    def error(self, message: str) -> Never:
        found = _INVALID.search(message)
        if found:
            choices = [choice.strip(" '") for choice in found["choices"].split(",")]
            near = difflib.get_close_matches(found["given"], choices, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(choices)}"
            message = f"{found['given']!r} is no command here: {advice}"
        help_text = f"{self.format_help()}\n" if message.startswith(_MISSING) else ""
        self.exit(2, f"{help_text}{self.prog}: {message}\n")
