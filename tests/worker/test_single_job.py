"""One image as a job: what the child does with it, done in this process."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRLedgerError, OCRUnauthorized
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.settings import ClientSettings, Timeouts
from airflow_provider_platerec_ocr.worker.single_job import SingleJob
from support.sandbox import running_sandbox
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_platerec_ocr.worker.ended import Ended
    from support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = io.BytesIO()
    Image.new("L", (64, 32), 200).save(file, "JPEG")
    path = tmp_path / "photos" / "door.jpg"
    path.parent.mkdir()
    path.write_bytes(file.getvalue())
    return path


@pytest.fixture
def work(sandbox: Sandbox, photo: Path, tmp_path: Path) -> SingleJob:
    return SingleJob(
        settings=ClientSettings(token=sandbox.token, base_url=sandbox.url, timeouts=Timeouts(call_s=120, save_s=60)),
        image=PlannedImage(row=1, image=str(photo), type="vin", uri=str(photo)),
        owner=Owner("dag", "run", "read"),
        ledger=local_place(tmp_path / "ledger"),
        spill=tmp_path / "spill",
        roots=(local_place(photo.parent),),
    )


def undisturbed(_stop: Callable[[Exception], None]) -> None:
    pass


def as_bytes(work: SingleJob, photo: Path) -> SingleJob:
    image = replace(work.image, image="gate-7", uri="bytes/door.jpg")
    return replace(work, image=image, content=photo.read_bytes(), roots=())


def status(ended: Ended) -> str:
    assert ended.outcome is not None
    return ended.outcome.status


def test_a_file_and_its_bytes_are_one_image(work: SingleJob, photo: Path, sandbox: Sandbox) -> None:
    first, again = work.read(undisturbed), as_bytes(work, photo).read(undisturbed)

    assert (status(first), status(again)) == (ReadStatus.READ, ReadStatus.READ)
    assert first.outcome is not None
    assert again.outcome is not None
    assert (first.outcome.from_ledger, again.outcome.from_ledger) == (False, True)
    assert again.counts["read"] == 1
    assert sandbox.books()["billed"] == 1


def test_a_job_that_is_stopped_at_once_sends_nothing(work: SingleJob, sandbox: Sandbox) -> None:
    ended = work.read(lambda stop: stop(OCRDrained("told to")))

    assert isinstance(ended.error, OCRDrained)
    assert sandbox.calls() == []


def test_after_its_soft_deadline_nothing_starts(work: SingleJob, sandbox: Sandbox) -> None:
    ended = replace(work, soft_timeout_s=0).read(undisturbed)

    assert isinstance(ended.error, OCRDrained)
    assert sandbox.calls() == []


def test_a_reason_to_stop_is_the_error_and_a_file_outside_the_roots_an_outcome(
    work: SingleJob, tmp_path: Path, sandbox: Sandbox
) -> None:
    refused = replace(work, settings=replace(work.settings, token="wrong-token-000")).read(undisturbed)
    outside = replace(work, roots=(local_place(tmp_path / "elsewhere"),)).read(undisturbed)

    assert isinstance(refused.error, OCRUnauthorized)
    assert outside.outcome is not None
    assert (outside.error, outside.outcome.reason) == (None, Reason.IMAGE_OUTSIDE_ROOTS)
    assert sandbox.books()["billed"] == 0


def test_a_ledger_that_cannot_be_used_is_raised(work: SingleJob, photo: Path, sandbox: Sandbox) -> None:
    with pytest.raises(OCRLedgerError):
        replace(work, ledger=local_place(photo / "ledger")).read(undisturbed)

    assert sandbox.calls() == []


def test_a_single_job_leaves_no_note(work: SingleJob, tmp_path: Path) -> None:
    ended = work.read(undisturbed)
    before = sorted(tmp_path.rglob("*"))

    work.leave_note(ended, SystemClock().now())

    assert sorted(tmp_path.rglob("*")) == before
