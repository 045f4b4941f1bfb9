"""What is open, by reason: from the dead letters alone, and for who may read the DAG that wrote them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema
from airflow_provider_platerec_ocr.engine.kept.known_datasets import KnownDataset
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.web.frame.remedies import REMEDIES, commands
from airflow_provider_platerec_ocr.web.problems import EXAMPLES, open_problems
from support.clock import FakeClock
from support.page_stage import PageStage

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def stage(tmp_path: Path) -> PageStage:
    return PageStage(tmp_path, clock=FakeClock())


def letters(stage: PageStage, *rows: dict[str, Any]) -> str:
    """Write dead letters, and return the page of open problems."""
    folder = stage.root / "reads_dead_letters"
    folder.mkdir(exist_ok=True)
    seen = datetime(2026, 3, 1, 22, tzinfo=UTC)
    facts = {
        "type": "vin",
        "reason": "image_missing",
        "message": "no such file",
        "permanent": False,
        "schema_version": 2,
    }
    facts |= {"times": 1, "first_seen": seen, "last_seen": seen, "ended_at": seen, "dag_id": "nightly", "row": 3}
    whole = [dict.fromkeys(dead_letters_schema().names) | facts | row for row in rows]
    pq.write_table(pa.Table.from_pylist(whole, dead_letters_schema()), folder / "dead_letters-x-00000.parquet")
    return str(stage.get("problems").text)


def test_open_problems_stand_by_reason_with_doubts_first_and_a_command_each(stage: PageStage) -> None:
    stage.note(ledger=str(stage.ledger))
    closed = datetime(2026, 3, 2, tzinfo=UTC)

    page = letters(
        stage,
        {"image": "/in/a.jpg"},
        {"image": "/in/b.jpg"},
        {"image": "/in/gone.jpg", "closed_at": closed},
        {"image": "/in/c.jpg", "reason": "in_doubt_twice", "fingerprint": "f" * 64},
        {"image": "/in/d.jpg", "reason": "of_a_later_version"},
    )

    assert page.index('id="in_doubt_twice"') < page.index('id="image_missing"')
    assert f"settle {'f' * 64} --released" in page
    assert str(stage.ledger) in page
    assert "gone.jpg" not in page
    assert "This version does not know the reason" in page


def test_hostile_names_and_messages_of_dead_letters_are_text(stage: PageStage) -> None:
    stage.note(ledger=f"/x/{HOSTILE}; rm -rf /")

    page = letters(stage, {"image": f"/in/{HOSTILE}.jpg", "message": HOSTILE, "reason": "in_doubt"}, {"image": None})

    assert "<script>alert" not in page
    assert "&#39;/x/" in page  # quoted for a shell
    assert "row 3" in page


def test_a_signature_in_an_address_is_not_shown(stage: PageStage) -> None:
    stage.note()

    page = letters(stage, {"image": "https://h/x.jpg?X-Amz-Signature=geheim", "message": "at https://h/y?sig=geheim"})

    assert "geheim" not in page


def test_dead_letters_of_a_dag_that_somebody_may_not_read_are_not_theirs_to_see(stage: PageStage) -> None:
    stage.note()
    rows: list[dict[str, Any]] = [{"image": f"/in/{name}.jpg", "dag_id": name} for name in ("nightly", "theirs")]
    letters(stage, *rows, {"image": "/in/old.jpg", "dag_id": None})

    all_of_them = stage.get("problems").text
    mine = stage.get("problems", reads="nightly").text

    assert "(3)" in all_of_them
    assert "/in/theirs.jpg" in all_of_them
    assert "(2)" in mine
    assert "theirs" not in mine
    assert "/in/nightly.jpg" in mine
    assert "/in/old.jpg" in mine


def test_more_letters_than_memory_should_hold_are_counted_file_by_file(stage: PageStage) -> None:
    stage.note()
    closed = datetime(2026, 3, 2, tzinfo=UTC)
    rows: list[dict[str, Any]] = [{"image": f"/in/{number}.jpg"} for number in range(60)]
    letters(stage, *rows, {"image": "/in/gone.jpg", "closed_at": closed}, {"image": "/in/d.jpg", "reason": "in_doubt"})
    folder = open_place(str(stage.root / "reads_dead_letters"))

    whole, parts = open_problems(folder), open_problems(folder, most=10)

    assert (whole.exact, parts.exact) == (True, False)
    for found in (whole, parts):
        counted = {each.reason: (each.count, len(each.examples)) for each in found.by_dag["nightly"]}
        assert counted == {"image_missing": (60, EXAMPLES), "in_doubt": (1, 1)}


def test_where_nothing_is_open_the_page_says_so(stage: PageStage) -> None:
    stage.note()

    assert "Nothing is open" in stage.get("problems").text


def test_a_table_that_cannot_be_read_is_told_in_words(stage: PageStage) -> None:
    stage.note()
    folder = stage.root / "reads_dead_letters"
    folder.mkdir()
    (folder / "dead_letters-x-00000.parquet").write_bytes(b"PAR1 but broken")

    answer = stage.get("problems")

    assert answer.status_code == 503
    assert "dead_letters-x-00000.parquet" in answer.text


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_remedy_and_its_commands_are_quoted_for_a_shell(reason: Reason) -> None:
    known = KnownDataset("/reads", ledger="/led ger", dag_id="a b")

    assert REMEDIES[reason].what
    for _, line in commands(reason, known, "f" * 64):
        assert "'/led ger'" in line or "'a b'" in line
