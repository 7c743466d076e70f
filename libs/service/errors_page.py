"""Writes `docs/reference/errors.md` from the catalogue: `python -m libs.service.errors_page > docs/reference/errors.md`.

A test compares the two, so the page is never behind.
"""

import sys

from libs.service.problems import Kind, catalogue

_HEAD = """\
# Errors

Every error is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, `code`, `message`, `field`,
`request_id` and `retryable`. Branch on `code`: it never changes its meaning. `field` names the input that is wrong, or is
null. `request_id` is the `X-Request-Id` that was sent, or a new one; it is in the service's log. A 503 carries
`Retry-After` and says whether the request was taken: only `outcome_unknown` leaves that open, and a repeat with the same
`client_oid` or `Idempotency-Key` settles it. In a batch each refused item is such an object, in its place among the results.

| code | status | retry | means |
|---|---|---|---|
"""


def page() -> str:
    """The whole page, generated."""
    return _HEAD + "".join(_row(kind) for kind in catalogue())


def _row(kind: Kind) -> str:
    retry = "yes" if kind.retryable else "no"
    return f"| `{kind.code}` | {kind.status} | {retry} | {kind.meaning} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
