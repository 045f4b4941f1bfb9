"""Nothing in an answer stops a shard or an export: from the bytes on the wire, through the journal, to the table."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.answer.body import raw_json
from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.core.wire import parse_read
from airflow_provider_platerec_ocr.dataset.table.journal import OutcomeWriter
from airflow_provider_platerec_ocr.dataset.table.outcome_table import best_table
from airflow_provider_platerec_ocr.dataset.table.rows import reads_table
from airflow_provider_platerec_ocr.storage.path import local_path
from support.table_stage import RUN

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        "\ud83d", "\ude00x", "\0", "\u2028", "\ufeff", "  ", "", "A" * 200_000, "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.9999999-12:00", "2026-13-45", "1M8ÄÖ漢", "95", 95, -1, 10**30, 1e308, float("inf"),
        float("nan"), 12345.0, True, None, [], {}, [[]], "2026-03-01T22:15:00+99:99", "-271821-04-20T00:00:00Z",
    ]
)  # fmt: skip
TEXT = st.text(st.characters(), max_size=20)
VALUE = ODD | TEXT | st.integers() | st.floats() | st.none()
CODE = VALUE | st.fixed_dictionaries({"value": VALUE}, optional={"confidence": VALUE})
PROPS = st.fixed_dictionaries(
    {"code": CODE | st.lists(CODE, max_size=3)}, optional={"orientation": VALUE | st.lists(CODE), "confidence": VALUE}
)
IDENTIFIER = st.fixed_dictionaries({}, optional={"props": PROPS | VALUE, "confidence": VALUE, "code": CODE})
RESULT = VALUE | st.fixed_dictionaries({"identifier": IDENTIFIER | VALUE})
ANSWER = st.fixed_dictionaries(
    {"results": st.lists(RESULT, max_size=3) | VALUE},
    optional=dict.fromkeys(("camera_id", "timestamp", "processing_time", "filename", "version", "error"), VALUE),
)


def body_of(answer: Any) -> bytes:
    """Return an answer as a careless server writes it."""
    return json.dumps(answer).replace("Infinity", "1e999").encode()


def outcomes_of(bodies: list[bytes]) -> list[Outcome]:
    found = []
    for row, content in enumerate(bodies, start=1):
        try:
            read = parse_read(200, {}, content, now=NOW)
        except OCRCallError:  # a rejection or a doubt has no row
            continue
        text = raw_json(read.raw, read.body)
        found.append(Outcome(row, f"/{row}.jpg", ("vin", "trailer_id")[row % 2], "read", answer=text, calls_billed=1))
    return found


def published(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = local_path(folder)
        with OutcomeWriter(workspace, shard=0, try_number=1) as writer:
            for outcome in outcomes:
                writer.append(outcome)
        table = reads_table(best_table(workspace, 0), RUN)
        pq.write_table(table, f"{folder}/reads.parquet")
        rows: list[dict[str, Any]] = pq.read_table(f"{folder}/reads.parquet").to_pylist()
    return rows


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWER, min_size=1, max_size=5))
def test_any_answer_comes_through_the_journal_into_the_table(answers: list[Any]) -> None:
    outcomes = outcomes_of(list(map(body_of, answers)))

    rows = published(outcomes)

    assert {row["image"] for row in rows} == {outcome.image for outcome in outcomes}
    for row in rows:
        json.loads(row["raw"], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert row["code"] is None or row["code"].strip()
        assert row["confidence"] is None or 0.0 <= row["confidence"] <= 1.0
        assert (row["identifier_count"] or 0) > 0 or row["code"] is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_any_bytes_come_through_the_journal_into_the_table(bodies: list[bytes]) -> None:
    outcomes = outcomes_of(bodies)

    assert len(published(outcomes)) == len(outcomes)


@pytest.mark.parametrize("sign", ["\ud83d", "gate \udc00", "\0", "\u2028"])
@pytest.mark.parametrize("place", ["code", "camera_id", "orientation", "filename", "timestamp"])
def test_half_of_a_character_anywhere_leaves_the_rows_of_all_images(sign: str, place: str) -> None:
    props = {"code": [{"value": "A1"}], "orientation": [{"value": "vertical"}]}
    answer: dict[str, Any] = {"results": [{"identifier": {"props": props}}]}
    if place in props:
        props[place] = [{"value": f"A{sign}1"}]
    else:
        answer[place] = sign
    good = body_of({"results": [{"identifier": {"code": "B2"}}]})

    rows = published(outcomes_of([good, body_of(answer), good]))

    assert [row["image"] for row in rows] == ["/1.jpg", "/2.jpg", "/3.jpg"]
    assert rows[1]["raw"] == body_of(answer).decode()
    assert all(row["identifier_count"] == 1 for row in rows)


def test_a_number_of_thousands_of_digits_leaves_a_read_a_read() -> None:
    content = b'{"results": [{"identifier": {"code": "A1"}}], "n": ' + b"9" * 5000 + b"}"

    (row,) = published(outcomes_of([content]))

    assert (row["code"], json.loads(row["raw"])["n"]) == ("A1", None)


def test_a_processing_time_that_is_no_number_is_null() -> None:
    bodies = [body_of({"results": [], "processing_time": value}) for value in (1e308, "1e999", float("nan"), "x", None)]

    assert [row["processing_time"] for row in published(outcomes_of(bodies))] == [1e308, None, None, None, None]
