"""Every answer that arrives whole is kept to the byte and never paid for again, whatever it looks like."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.answer.body import unpacked
from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRUnknownDialect
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.table.rows import rows_of
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.pictures import local
from support.rawserver import answer, raw_server
from support.reading import Setup, images, jpeg, read_async, read_virtually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from support.rawserver import Connection
    from support.reading import Done

RUN = RunRef("yard", "run-1", "2026-03-01")
READ = b'{"results": [{"identifier": {"props": {"code": [{"value": "1M8GDM9AXKP042788"}]}}}]}'


def read_twice(
    folder: Path, behave: Callable[[Connection], Awaitable[None]], *, runs: int = 2
) -> tuple[list[Done], int]:
    """Read one image in two runs; return what came of each, and how many calls were paid."""

    async def main() -> tuple[list[Done], int]:
        async with raw_server(behave) as server:
            setup = Setup(folder, server.url)
            rows = images(folder, 1)
            done = [await read_async(each, rows) for each in (setup, setup.next_try())[:runs]]
            return done, len(server.requests)

    return asyncio.run(main())


def kept(folder: Path, done: Done) -> dict[str, Any]:
    ledger = Ledger.peek(local(folder / "ledger"), lease_s=270.0, clock=SystemClock())
    fingerprint = fingerprint_bytes(done.context.settings.base_url, "vin", jpeg("image 1"))
    (attempt,) = ledger.look("vin", fingerprint)
    assert attempt.end is not None
    return {"end": attempt.end, **((attempt.payload or {}).get("facts") or {})}


@pytest.mark.parametrize("status", [200, 202, 206, 299])
@pytest.mark.parametrize(
    "body",
    [
        b'{"results": null}',
        b'{"results": {"code": "A"}}',
        b'{"data": {"results": []}}',
        b'{"error": null}',
        b'[{"results": []}]',
        b"OK, caf\xe9",
        b"\xff\xfe\xfa",
        b'{"n": ' + b"9" * 5000 + b"}",
        b'{"text": "\\ud83d", "n": 1e999, "m": Infinity}',
    ],
)
def test_a_whole_answer_that_is_no_read_is_kept_gives_a_row_and_is_not_paid_again(
    tmp_path: Path, status: int, body: bytes
) -> None:
    (first, second), paid = read_twice(tmp_path, answer(status, body))

    assert paid == 1
    assert [done.outcomes[0].status for done in (first, second)] == [ReadStatus.READ, ReadStatus.READ]
    assert (second.outcomes[0].from_ledger, second.outcomes[0].answer) == (True, first.outcomes[0].answer)
    found = kept(tmp_path, first)
    assert (found["end"], unpacked(found), found["unread"]) == (End.ANSWER, body, True)
    (row,) = rows_of(second.outcomes[0], RUN)
    assert (row["identifier_count"], row["code"]) == (None, None)
    json.loads(row["raw"], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_read_is_kept_to_the_byte_as_well(tmp_path: Path) -> None:
    (first, _), paid = read_twice(tmp_path, answer(202, READ))

    assert (paid, unpacked(kept(tmp_path, first))) == (1, READ)
    assert first.outcomes[0].answer == READ.decode()
    assert "unread" not in kept(tmp_path, first)


def test_a_success_with_an_error_stays_rejected_and_its_words_are_kept(tmp_path: Path) -> None:
    body = b'{"error": "too blurry", "more": 1}'

    (first, second), paid = read_twice(tmp_path, answer(200, body))

    assert (paid, first.outcomes[0].status, second.outcomes[0].status) == (1, "rejected", "rejected")
    assert (kept(tmp_path, first)["end"], unpacked(kept(tmp_path, first))) == (End.REJECTED, body)


def test_the_token_is_not_kept_should_the_api_echo_it(tmp_path: Path) -> None:
    (first, _), _ = read_twice(tmp_path, answer(200, b'{"debug": "Token YOUR_API_TOKEN"}'))

    assert unpacked(kept(tmp_path, first)) == b'{"debug": "Token ***"}'
    assert all("YOUR_API_TOKEN" not in path.read_text() for path in (tmp_path / "ledger").rglob("*.answer"))


def test_after_a_few_answers_in_another_dialect_nothing_further_is_paid_and_all_are_kept(tmp_path: Path) -> None:
    clock = FakeClock()
    setup = Setup(tmp_path, settings={"rate_per_s": 2.0})

    (done,), box = read_virtually(clock, setup, images(tmp_path, 60), faults=["always:dialect"], latency="2")

    assert isinstance(done.verdict(last_try=False), OCRUnknownDialect)
    assert not done.verdict().retry  # type: ignore[union-attr]  # it is one, see above
    posts = box.books()["posts"]
    assert 5 <= posts <= 12
    assert (done.reads, len(list((tmp_path / "ledger").rglob("*.answer")))) == (posts, posts)


def test_answers_in_another_dialect_with_reads_between_them_stop_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    setup = Setup(tmp_path, settings={"rate_per_s": 2.0, "max_in_flight": 1})

    (done,), box = read_virtually(clock, setup, images(tmp_path, 30), faults=["every=2:dialect"])

    assert (done.verdict(), done.reads, box.books()["posts"]) == (None, 30, 30)


def test_a_night_in_which_all_images_were_answered_in_another_dialect_says_so(tmp_path: Path) -> None:
    clock = FakeClock()

    (done,), _ = read_virtually(clock, Setup(tmp_path), images(tmp_path, 5), faults=["always:dialect"])

    assert done.reads == 5
    assert isinstance(done.verdict(), OCRUnknownDialect)


def test_a_head_of_60_kb_with_200_lines_costs_nothing(tmp_path: Path) -> None:
    clock = FakeClock()

    (done,), box = read_virtually(clock, Setup(tmp_path), images(tmp_path, 3), faults=["always:long-head"])

    assert (done.reads, box.books()["posts"]) == (3, 3)
    assert all('"results": [{' in (outcome.answer or "") for outcome in done.outcomes)


async def no_http(connection: Connection) -> None:
    await connection.request()
    await connection.send(b"Set-Cookie: session=s3cret\r\n\r\n")


async def cut(connection: Connection) -> None:
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=s3cret\r\nContent-Length: 500\r\n\r\n{")


async def empty(connection: Connection) -> None:
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nX-Session: s3cret\r\nContent-Length: 0\r\n\r\n")


async def head_cut(connection: Connection) -> None:
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=s3cret\r\nContent-Le")


@pytest.mark.parametrize(
    ("behave", "cause"),
    [
        (no_http, "no HTTP answer"),
        (cut, "ended before its announced end"),
        (empty, "an empty answer"),
        (head_cut, "closed the connection before its answer"),
    ],
)
def test_a_doubt_says_its_cause_to_a_person_and_nothing_of_the_servers_headers(
    tmp_path: Path, behave: Callable[[Connection], Awaitable[None]], cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    (first,), paid = read_twice(tmp_path, behave, runs=1)

    assert (paid, first.outcomes[0].status, first.outcomes[0].reason) == (1, ReadStatus.IN_DOUBT, Reason.IN_DOUBT)
    assert cause in (first.outcomes[0].message or "")
    assert "s3cret" not in caplog.text + str(first.outcomes)


def test_successes_with_an_error_in_a_row_are_never_taken_for_unpaid(tmp_path: Path) -> None:
    clock = FakeClock()
    setup = Setup(tmp_path, settings={"rate_per_s": 5.0})

    (done,), box = read_virtually(clock, setup, images(tmp_path, 30), faults=["always:error-200"])

    ends = {kind: len(list((tmp_path / "ledger").rglob(f"*.{kind}"))) for kind in ("rejected", "released")}
    assert ends == {"rejected": box.books()["billed"], "released": 0}
    assert done.statuses == {ReadStatus.REJECTED: box.books()["billed"]}
