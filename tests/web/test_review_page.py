"""The review view: who may look, who may decide, and that a decision is kept once, with a name, and never lost."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.page_urls import review_url
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from support.corrected_stage import NONE, ONE, OTHER, RIGHT, TWO, CorrectedStage
from support.page_stage import AIRFLOW, PageStage
from support.table_stage import VIN

if TYPE_CHECKING:
    from pathlib import Path

FILTERS = {"days": 400, "confidence_below": 0.9, "check_digit": 1, "several": 1}


class ReviewStage:
    """A published table of two doubtful reads, and the page over it."""

    def __init__(self, root: Path) -> None:
        self.table = CorrectedStage.make(root / "stage")
        self.page = PageStage(root)
        self.uri = self.page.note(dataset=str(self.table.dataset))

    def get(self, at: int = 0, **more: Any) -> Any:
        return self.page.get(review_url(self.uri, at=at, **FILTERS), **more)

    def form(self, at: int = 0, **more: str) -> dict[str, str]:
        """Return the fields of the form that is shown."""
        found = re.findall(r'<input [^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', self.get(at, edits="*").text)
        fields = {name: html.unescape(value) for name, value in found if name != "dataset"}
        return fields | {"dataset": self.uri, "action": "save"} | more

    def decide(self, form: dict[str, str], **more: Any) -> Any:
        return self.page.post("review", form, **more)

    def seen(self) -> list[tuple[Any, ...]]:
        frame = read_dataset(self.uri, corrected=True)
        decided = frame[frame["corrected_by"].notna()]
        rows = decided[["filename", "code", "code_as_read", "corrected_by"]].astype(object)
        return [tuple(row) for row in rows.where(rows.notna(), None).to_numpy().tolist()]

    def files(self) -> int:
        folder = self.table.root / "table_corrections"
        return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.fixture
def stage(tmp_path: Path) -> ReviewStage:
    return ReviewStage(tmp_path)


def test_the_most_doubtful_read_comes_first_with_its_codes_and_why(stage: ReviewStage) -> None:
    shown = stage.get(edits="*")

    assert shown.status_code == 200
    assert TWO in shown.text
    assert "1 of 2 that need eyes" in shown.text
    assert f'value="{VIN}"' in shown.text
    assert f'value="{OTHER}"' in shown.text
    assert "several identifiers" in shown.text
    assert f"{VIN}: the check digit fits" in shown.text
    assert ONE in stage.get(at=1).text


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, (ONE, VIN, VIN, "ann")),
        ({"code_0": f" {RIGHT} "}, (ONE, RIGHT, VIN, "ann")),
        ({"code_0": ""}, None),
        ({"action": "reject"}, None),
    ],
)
def test_a_decision_is_in_the_corrected_table_with_the_users_name_and_leaves_the_queue(
    stage: ReviewStage, given: dict[str, str], seen: tuple[Any, ...] | None
) -> None:
    kept = stage.decide(stage.form(at=1, **given))

    assert kept.status_code == 303
    assert kept.headers["location"].startswith(f"{AIRFLOW}/platerec-ocr/review?dataset=")
    assert stage.seen() == ([seen] if seen else [])
    assert stage.files() == 1
    assert "1 of 1 that need eyes" in stage.get().text
    assert [(event, dag) for event, dag, _ in stage.page.notes] == [("review", "nightly")]


def test_each_code_of_an_image_is_decided_by_itself(stage: ReviewStage) -> None:
    stage.decide(stage.form(at=0, code_0=RIGHT, code_1=""))

    assert stage.seen() == [(TWO, RIGHT, VIN, "ann")]


def test_when_all_is_decided_it_says_so(stage: ReviewStage) -> None:
    for _ in range(2):
        stage.decide(stage.form())

    assert "Nothing needs eyes" in stage.get().text
    assert len(stage.seen()) == 3


def test_who_may_not_edit_the_dag_may_look_and_not_decide(stage: ReviewStage) -> None:
    form = stage.form()

    looked, refused = stage.get(edits=""), stage.decide(form, edits="another")

    assert "You may look." in looked.text
    assert looked.text.count(" disabled") >= 3
    assert refused.status_code == 403
    assert stage.files() == 0


@pytest.mark.parametrize("user", [None, "eve"])
def test_a_form_of_another_site_or_of_another_user_is_refused(stage: ReviewStage, user: str | None) -> None:
    form = stage.form()

    assert stage.decide(form, user=user).status_code == (401 if user is None else 403)
    assert stage.decide(form | {"form_token": ""}).status_code == 403
    assert stage.files() == 0


def test_who_comes_second_sees_what_the_first_one_said_and_both_decisions_are_kept(stage: ReviewStage) -> None:
    anns, bobs = stage.form(at=1), stage.form(at=1)
    stage.decide(anns | {"code_0": RIGHT})
    bobs |= {"form_token": token_of(stage, "bob")}

    second = stage.decide(bobs, user="bob")

    assert second.status_code == 409
    assert f"ann said it is {RIGHT}" in html.unescape(second.text)
    assert stage.files() == 1
    seen = re.search(r'name="seen" value="([^"]+)"', second.text)
    assert seen is not None

    assert stage.decide(bobs | {"seen": html.unescape(seen[1])}, user="bob").status_code == 303
    assert stage.seen() == [(ONE, VIN, VIN, "bob")]
    assert stage.files() == 2


def token_of(stage: ReviewStage, user: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', stage.get(user=user, edits="*").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"code_0": "X" * 65}, 422, "1 to 64 characters"),
        ({"key": "nowhere"}, 404, "does not have this read any more"),
        ({"day": "soon"}, 422, "which read it is about"),
        ({"days": "many"}, 422, "no filter of the queue"),
        ({"confidence_below": "7"}, 422, "confidence_below must be from 0 to 1"),
    ],
)
def test_a_form_that_makes_no_sense_keeps_nothing_and_says_why(
    stage: ReviewStage, given: dict[str, str], status: int, says: str
) -> None:
    answer = stage.decide(stage.form(at=1, **given))

    assert answer.status_code == status
    assert says in html.unescape(answer.text)
    assert stage.files() == 0


def test_a_read_without_a_code_takes_one(stage: ReviewStage) -> None:
    stage.table.correct(NONE, RIGHT, kind="add")

    assert (NONE, RIGHT, None, "jane") in stage.seen()


def test_a_dataset_that_is_not_there_yet_is_said_in_words(tmp_path: Path) -> None:
    page = PageStage(tmp_path)
    uri = page.note("reads")

    answer = page.get(review_url(uri))

    assert answer.status_code == 200
    assert "There is no dataset at" in html.unescape(answer.text)
    assert page.get("review").status_code == 200
