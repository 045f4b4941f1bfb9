"""A real receiver under hostile requests, and what became of it: statuses, memory, files, log.

Two senders: :func:`spoiled` posts what :mod:`support.hostile` makes, :func:`generated` what schemathesis makes of the
receiver's schema by breaking its rules.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from support.hostile import hostile_requests
from support.webhook_stage import PATH, receiver_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.webhook_stage import ReceiverProcess

A_FILE = re.compile(
    r"payloads/[0-9a-f]{2}/[0-9a-f]{32}\.json"
    r"|by-time/\d{4}-\d\d-\d\d/\d\d/\d{10}-[0-9a-f]{8}-[0-9a-f]{32}"
    r"|by-fingerprint/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[0-9a-f]{32}"
)
A_LINE = re.compile(
    r"\S+ \S+ (INFO (kept|had) payload [0-9a-f]{32}, [\d,]+ bytes?"
    r'|WARNING refused with (400|413), [\d,]+ bytes?: [A-Z][a-zA-Z0-9 ,:;."]+'
    r"|INFO (Started|Waiting|Application|Uvicorn|Shutting|Finished)[^{]*)"
)
_TEXT: dict[str, Any] = {"type": "string"}
_FORM = {"type": "object", "required": ["json"], "properties": {"json": _TEXT, "upload": _TEXT | {"format": "binary"}}}
_DATA = {
    "filename": _TEXT,
    "file_url": _TEXT | {"format": "uri"},
    "timestamp": _TEXT | {"format": "date-time"},
    "camera_id": _TEXT,
    "processing_time": {"type": "number"},
    "results": {"type": "array", "items": {"type": "object"}},
}
_PAYLOAD = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "hook": {"type": "object", "properties": {"target": _TEXT, "id": {"type": "integer"}}},
        "data": {"type": "object", "properties": _DATA},
    },
}
SCHEMA = {
    "openapi": "3.1.0",
    "info": {"title": "Receiver of webhooks", "version": "1"},
    "paths": {
        PATH: {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": _PAYLOAD},
                        "multipart/form-data": {"schema": _FORM},
                        "application/x-www-form-urlencoded": {"schema": _FORM},
                    },
                },
                "responses": {"200": {"description": "kept"}, "400": {"description": "no payload"}},
            }
        }
    },
}
"""What the receiver takes; it publishes none itself, since that would tell strangers of it."""


SENDERS = 4
"""Who attack at the same time: the receiver's waits for the disk are not the test's."""


@dataclass
class Siege:
    """What became of a receiver."""

    folder: Path
    statuses: Counter[int] = field(default_factory=Counter)
    memory_kb: list[int] = field(default_factory=list)
    """Before, and after each tenth of the requests."""
    replies: set[str] = field(default_factory=set)
    """Shapes of the answers: the names in them."""
    log: str = ""
    """All that it logged."""

    @property
    def inbox(self) -> Path:
        """Where the receiver keeps payloads; beside it there is to be nothing."""
        return self.folder / "place" / "inbox"

    def odd_files(self) -> list[str]:
        """Return the files beside the inbox, and those in it that have no name of ours."""
        place = self.inbox.parent
        outside = [str(path) for path in place.iterdir() if path != self.inbox]
        inside = [path.relative_to(self.inbox).as_posix() for path in self.inbox.rglob("*") if path.is_file()]
        return outside + [name for name in inside if not A_FILE.fullmatch(name)]

    def odd_lines(self) -> list[str]:
        """Return what was logged that is no line of ours, such as a stack trace or a piece of a payload."""
        return [line for line in self.log.splitlines() if not A_LINE.fullmatch(line)]

    def note(self, status: int, text: str, every: int, running: ReceiverProcess) -> None:
        """Take down one answer."""
        self.statuses[status] += 1
        self.replies.add(re.sub(r":.*", "", text)[:40])
        if self.statuses.total() % every == 0:
            self.memory_kb.append(running.memory_kb())


def besieged(folder: Path, count: int, attack: Callable[[ReceiverProcess, int, Siege], None]) -> Siege:
    """Run the receiver as its command does, attack it with ``count`` requests, and return what became of it."""
    siege = Siege(folder)
    siege.inbox.parent.mkdir()
    with receiver_process(folder, siege.inbox, "--rate-per-s", "100000") as running:
        siege.memory_kb.append(running.memory_kb())
        attack(running, count, siege)
        running.stop()
    siege.log = running.log.read_text()
    return siege


def spoiled(running: ReceiverProcess, count: int, siege: Siege) -> None:
    """Post spoiled bodies of our own making."""

    requests = hostile_requests(count)

    async def post(client: aiohttp.ClientSession) -> None:
        for body, headers in requests:
            bare = () if "Content-Type" in headers else ("Content-Type",)
            async with client.post(PATH, data=body, headers=headers, skip_auto_headers=bare) as answer:
                siege.note(answer.status, await answer.text(), count // 10, running)

    async def run() -> None:
        async with aiohttp.ClientSession(running.url) as client:
            await asyncio.gather(*(post(client) for _ in range(SENDERS)))

    asyncio.run(run())


def generated(running: ReceiverProcess, count: int, siege: Siege) -> None:
    """Post what schemathesis generates against the rules of the schema."""
    if not hasattr(schemathesis, "GenerationMode"):
        pytest.skip("schemathesis before 4 generates in another way")
    operation = schemathesis.openapi.from_dict(SCHEMA)[PATH]["POST"]

    @seed(1)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def deliver(case: Any) -> None:
        answer = case.call(base_url=running.url)
        siege.note(answer.status_code, answer.text, count // 10, running)

    deliver()
