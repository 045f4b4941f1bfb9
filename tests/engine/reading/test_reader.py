from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import PlannedImage, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.wire import read_from_json
from airflow_provider_platerec_ocr.dataset.table.journal import OutcomeWriter, best_outcomes
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from support.clock import FakeClock
from support.reading import Setup, images, jpeg, read, read_virtually
from support.recorder import recording_server
from support.sandbox import running_sandbox
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


def test_an_image_is_read_and_its_outcome_says_so(tmp_path: Path) -> None:
    image = images(tmp_path, 1)[0]

    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url), [image])
        call = box.calls()[0]

    outcome = done.outcomes[0]
    assert (outcome.row, outcome.image, outcome.status) == (1, image.image, ReadStatus.READ)
    assert (outcome.calls_billed, outcome.from_ledger, outcome.reason) == (1, False, None)
    assert json.loads(outcome.answer or "")["results"][0]["identifier"]["props"]["code"] == [
        {"value": call["codes"][0]}
    ]
    assert call["filename"] == f"00001-{outcome.fingerprint}.jpg"


def test_half_a_character_in_an_answer_holds_up_neither_its_shard_nor_its_row(tmp_path: Path) -> None:
    answer = rb'{"results": [{"identifier": {"props": {"code": [{"value": "1M8GDM9\ud83d"}]}}}], "version": 1}'
    rows = images(tmp_path, 2)
    with recording_server(body=answer) as server:
        done = read(Setup(tmp_path, server.url), rows)
    writer = OutcomeWriter(local_place(tmp_path / "workspace"), 0, 1)
    for outcome in done.outcomes:
        writer.append(outcome)
    writer.close()

    kept = best_outcomes(local_place(tmp_path / "workspace"), 0)
    assert [outcome.status for outcome in kept] == [ReadStatus.READ] * 2
    assert read_from_json(json.loads(kept[0].answer or "")).identifiers[0].code == "1M8GDM9?"


def test_a_second_run_pays_for_nothing(tmp_path: Path) -> None:
    rows = images(tmp_path, 5)

    with running_sandbox() as box:
        setup = Setup(tmp_path, box.url)
        read(setup, rows)
        again = read(setup.next_try(), rows)
        billed = box.books()["billed"]

    assert billed == 5
    assert [(outcome.from_ledger, outcome.calls_billed) for outcome in again.outcomes] == [(True, 1)] * 5
    assert again.context.progress.from_ledger == 5


def test_another_run_has_paid_for_nothing(tmp_path: Path) -> None:
    rows = images(tmp_path, 1)

    with running_sandbox() as box:
        setup = Setup(tmp_path, box.url)
        read(setup, rows)
        other = read(setup.but(owner=setup.owner.from_json({"dag_id": "yard", "run_id": "run-2"})), rows)

    assert (other.outcomes[0].from_ledger, other.outcomes[0].calls_billed) == (True, 0)


def test_the_same_bytes_under_two_names_are_paid_once_and_give_two_outcomes(tmp_path: Path) -> None:
    rows = images(tmp_path, 3)
    for image in rows[1:]:
        (tmp_path / "photos" / image.image.rpartition("/")[2]).write_bytes(jpeg("image 1"))

    with running_sandbox(latency="0.1") as box:
        done = read(Setup(tmp_path, box.url), rows)
        books = box.books()

    assert (books["posts"], done.reads, done.billed, done.rows) == (1, 3, 1, [1, 2, 3])
    assert sorted(outcome.from_ledger for outcome in done.outcomes) == [False, True, True]


def test_the_same_bytes_of_two_types_are_two_calls(tmp_path: Path) -> None:
    vin = images(tmp_path, 1)
    trailer = images(tmp_path, 1, type_="trailer_id")

    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url), vin + trailer)

    assert done.billed == 2


def test_a_duplicate_goes_on_by_itself_where_the_first_ones_file_went_away(tmp_path: Path) -> None:
    clock, rows = FakeClock(), images(tmp_path, 3)
    first, second = (tmp_path / "photos" / f"0000{number}.jpg" for number in (1, 2))
    second.write_bytes(first.read_bytes())

    def gone(done: object) -> None:
        del done
        first.unlink(missing_ok=True)

    # Row 3 starts first and ends while row 1, refused, is resting: its bytes are dropped, and now its file is gone.
    found, box = read_virtually(
        clock,
        Setup(tmp_path, options=ReadOptions(prefetch=1)),
        [rows[2], *rows[:2]],
        seen=gone,
        latency="1",
        faults=["image=00001,nth=1:503;retry_after=5"],
    )

    ended = {outcome.row: outcome.status for outcome in found[0].outcomes}
    assert ended == {1: ReadStatus.FAILED, 2: ReadStatus.READ, 3: ReadStatus.READ}
    assert box.books()["billed"] == 2


def test_what_is_no_image_is_rejected_and_never_sent(tmp_path: Path) -> None:
    rows = images(tmp_path, 2)
    (tmp_path / "photos" / "00001.jpg").write_text("hello")

    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url), rows)
        posts = box.books()["posts"]

    bad = next(outcome for outcome in done.outcomes if outcome.row == 1)
    assert (bad.status, bad.reason, bad.fingerprint) == (ReadStatus.REJECTED, Reason.IMAGE_NOT_AN_IMAGE, None)
    assert (posts, done.reads) == (1, 1)


def test_an_image_that_is_missing_fails_and_is_planned_again(tmp_path: Path) -> None:
    rows = images(tmp_path, 1)
    (tmp_path / "photos" / "00001.jpg").unlink()

    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url), rows)

    assert (done.outcomes[0].status, done.outcomes[0].reason) == (ReadStatus.FAILED, Reason.IMAGE_MISSING)


def test_a_row_without_image_and_url_is_rejected(tmp_path: Path) -> None:
    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url), [PlannedImage(row=1, image="?", type="vin")])

    assert (done.outcomes[0].status, done.outcomes[0].reason) == (ReadStatus.REJECTED, Reason.ROW_INVALID)


def test_a_url_is_read_by_the_api_and_goes_out_with_its_signature(tmp_path: Path) -> None:
    row = PlannedImage(
        row=7, image="https://a.example/1.jpg", type="vin", upload_url="https://a.example/1.jpg", signed=True
    )
    signed = {row.identity: "https://a.example/1.jpg?X-Amz-Signature=secret"}

    with running_sandbox(fetch_urls=False) as box:
        setup = Setup(tmp_path, box.url, more={"signed_urls": signed})
        done = read(setup, [row])
        again = read(setup.next_try(), [row])
        books = box.books()

    assert (done.reads, again.reads, books["billed"]) == (1, 1, 1)
    assert "secret" not in "".join(path.read_text() for path in (tmp_path / "ledger").rglob("*.claim"))
    assert "secret" not in str(done.outcomes)


def test_a_signed_url_that_is_gone_from_the_manifest_is_not_sent_without_its_signature(tmp_path: Path) -> None:
    url = "https://a.example/1.jpg"

    with running_sandbox(fetch_urls=False) as box:
        done = read(Setup(tmp_path, box.url), [PlannedImage(1, url, "vin", upload_url=url, signed=True)])
        posts = box.books()["posts"]

    assert (done.outcomes[0].status, done.outcomes[0].reason, posts) == (ReadStatus.FAILED, Reason.ROW_INVALID, 0)


def test_an_image_that_changes_while_it_waits_is_left_to_the_next_run(tmp_path: Path) -> None:
    clock, rows = FakeClock(), images(tmp_path, 2)

    def change(done: object) -> None:
        del done
        (tmp_path / "photos" / "00001.jpg").write_bytes(jpeg("another photograph"))

    found, box = read_virtually(
        clock,
        Setup(tmp_path, options=ReadOptions(prefetch=1)),
        rows[::-1],
        seen=change,
        latency="1",
        faults=["image=00001,nth=1:503;retry_after=5"],
    )

    bad = next(outcome for outcome in found[0].outcomes if outcome.row == 1)
    assert (bad.status, bad.reason) == (ReadStatus.FAILED, Reason.IMAGE_UNREADABLE)
    assert box.books()["billed"] == 1
