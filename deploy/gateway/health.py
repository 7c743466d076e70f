"""The healths of all processes as one: well when all are well."""

import asyncio
import json
from collections.abc import Mapping

from deploy.endpoint import Endpoint
from deploy.probe import Answer, ask

ASK_SECONDS = 1.5
OK = 200


async def merged(processes: Mapping[str, Endpoint], path: str) -> tuple[int, bytes]:
    """Status and JSON body: `status`, and what each process answers to `path` on its own port."""
    answers = await asyncio.gather(*(ask(process, path, ASK_SECONDS) for process in processes.values()))
    by_name = dict(zip(processes, answers, strict=True))
    well = all(answer.status == OK for answer in answers)
    body = {
        "status": "ok" if well else "unavailable",
        "processes": {name: _said(answer) for name, answer in by_name.items()},
    }
    return (200 if well else 503), json.dumps(body).encode()


def _said(answer: Answer) -> object:
    if answer.status == 0:
        return {"status": "unreachable"}
    try:
        return json.loads(answer.body)
    except ValueError:
        return {"status": "ok" if answer.status == OK else "unavailable"}
