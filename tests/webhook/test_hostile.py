"""10,000 malformed bodies: no 5xx, nothing outside of the inbox, memory flat, nothing of them in the log."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.hostile import hostile_requests
from support.webhook_stage import PATH, SECRET, receiver, receiver_process

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 10_000
ALLOWED = {200, 400, 413}
A_FILE = re.compile(
    r"payloads/[0-9a-f]{2}/[0-9a-f]{32}\.json"
    r"|by-time/\d{4}-\d\d-\d\d/\d\d/\d{10}-[0-9a-f]{8}-[0-9a-f]{32}"
    r"|by-fingerprint/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[0-9a-f]{32}"
)
A_LINE = re.compile(
    r"\S+ \S+ (INFO (kept|had) payload [0-9a-f]{32}, \d+ bytes"
    r'|WARNING refused with (400|413), \d+ bytes: [A-Z][a-zA-Z0-9 ,:;."]+'
    r"|INFO (Started|Waiting|Application|Uvicorn|Shutting|Finished)[^{]*)"
)


@pytest.mark.slow
def test_ten_thousand_malformed_bodies_do_no_harm(tmp_path: Path) -> None:
    inbox = tmp_path / "place" / "inbox"
    inbox.parent.mkdir()
    statuses: Counter[int] = Counter()
    memory: list[int] = []
    with receiver_process(tmp_path, inbox, "--rate-per-s", "100000") as running:

        async def run() -> None:
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
                for number, (body, headers) in enumerate(hostile_requests(NUMBER)):
                    answer = await client.post(PATH, content=body, headers=headers)
                    statuses[answer.status_code] += 1
                    assert answer.status_code == 200 or set(answer.json()) <= {"detail"}, body
                    if number % 1000 == 999:
                        memory.append(running.memory_kb())

        asyncio.run(run())
        running.stop()

    print(f"\nstatuses {dict(statuses)}, memory kB after each 1,000: {memory}")  # noqa: T201  # a figure
    assert set(statuses) <= ALLOWED
    assert min(statuses[200], statuses[400]) > NUMBER / 5
    assert memory[-1] - memory[1] < 10_000
    assert {path.name for path in inbox.parent.iterdir()} == {"inbox"}
    odd = [path for path in inbox.rglob("*") if path.is_file() and not A_FILE.fullmatch(str(path.relative_to(inbox)))]
    assert odd == []
    assert [line for line in running.log.read_text().splitlines() if not A_LINE.fullmatch(line)] == []


HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "content-length", "x-forwarded-for", "x-webhook-secret"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255)) | st.sampled_from([SECRET, "gzip", "-1", "9" * 30]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), headers=HEADERS, path=st.text(max_size=40))
def test_no_request_whatever_gets_a_server_error(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, headers: dict[str, str], path: str
) -> None:
    stand = receiver(tmp_path_factory.getbasetemp() / "any-request")
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for where in (PATH, f"/webhook/{path}", f"/{path}"):
        answer = ask(stand.app, where, body, list(raw.items()))
        assert answer < 500


def ask(app: object, path: str, body: bytes, headers: list[tuple[str, bytes]]) -> int:
    """Hand a request to the app as a server would, whatever a client library thinks of it."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value) for name, value in headers],
    }
    asyncio.run(app(scope, receive, send))  # type: ignore[operator]
    status = sent[0]["status"]
    assert isinstance(status, int)
    return status
