"""10,000 malformed bodies: no 5xx, nothing outside of the inbox, memory flat, nothing of them in the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.siege import besieged, generated, spoiled
from support.webhook_stage import PATH, SECRET, receiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.siege import Siege
    from support.webhook_stage import ReceiverProcess

NUMBER = 10_000
ALLOWED = {200, 400, 413}
FLAT_KB = 16_000
"""What the memory may differ by after the first tenth: it grows in steps with the largest bodies that came, which ends
after 12,000 of them (measured with 40,000); 2 kB kept of each would be more."""


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize(("attack", "number"), [(spoiled, NUMBER), (generated, NUMBER // 50)])
def test_ten_thousand_malformed_bodies_do_no_harm(
    tmp_path: Path, attack: Callable[[ReceiverProcess, int, Siege], None], number: int
) -> None:
    siege = besieged(tmp_path, number, attack)

    assert siege.statuses.total() >= number
    assert set(siege.statuses) <= ALLOWED
    assert siege.statuses[400] > number / 5
    assert siege.replies == {'{"detail"', '{"id"'}
    assert siege.memory_kb[-1] - siege.memory_kb[1] < FLAT_KB
    assert siege.odd_files() == []
    assert siege.odd_lines() == []


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
