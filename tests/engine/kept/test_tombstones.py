"""What a ledger says of an image can be deleted; that it was paid for cannot be lost by it."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End, MayClaim, Rejected, decide
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.core.models import InDoubtPolicy, Owner
from airflow_provider_platerec_ocr.engine.kept.answers import kept_answers
from airflow_provider_platerec_ocr.engine.kept.tombstones import (
    RETENTION,
    bury,
    forgotten_keys,
    half_written,
    is_about,
    keep_keys,
    keys_of,
    search,
)
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, Verdict
from airflow_provider_platerec_ocr.engine.ledger.describe import verdict
from airflow_provider_platerec_ocr.engine.ledger.selection import rejected
from support.clock import FakeClock
from support.ledger_shell import FACTS, OTHER, PRINT, RAW, claimed, opened
from support.stores import local_place

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Decision
    from airflow_provider_platerec_ocr.engine.kept.tombstones import (
        Entry,
    )
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

CODE = "1HGCM82633A004352"
IMAGE = str(FACTS["image"])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return opened(local_place(tmp_path / "ledger"))


def found(ledger: Ledger, wanted: Wanted) -> list[Entry]:
    return list(search(ledger.store, partial(is_about, wanted)))


def buried(ledger: Ledger, wanted: Wanted) -> None:
    for entry in found(ledger, wanted):
        bury(ledger.store, entry, why="deleted", clock=FakeClock())


def decision(ledger: Ledger, fingerprint: str = PRINT) -> Decision:
    history = ledger.look("vin", fingerprint)
    return decide(history, owner=Owner(run_id="next"), policy=InDoubtPolicy.RESEND, lease_s=270)


def content(ledger: Ledger) -> bytes:
    files = (path for path in Path(ledger.root.path).rglob("*") if path.is_file())
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize(
    "wanted",
    [Wanted.of(code="1hgcm-82633 A004352"), Wanted.of(image=IMAGE), Wanted.of(fingerprint=PRINT)],
    ids=["code", "image", "fingerprint"],
)
def test_an_answer_is_deleted_and_stays_paid_for(ledger: Ledger, wanted: Wanted) -> None:
    ledger.answer(claimed(ledger), RAW, FACTS)
    other = ledger.claim("vin", OTHER, 1, {"image": "/in/other.jpg"})
    assert other is not None
    ledger.answer(other, {"results": []}, {"image": "/in/other.jpg"})

    buried(ledger, wanted)

    made = decision(ledger)
    assert isinstance(made, Rejected)
    assert made.attempt.is_forgotten
    assert CODE.encode() not in content(ledger)
    assert "Forgotten" in verdict(ledger.look("vin", PRINT), 270)
    assert [each.fingerprint for some in kept_answers(ledger) for each in some] == [OTHER]
    assert LedgerAdmin(ledger, FakeClock()).check().counts == {"answered": 1, "forgotten": 1}


def test_several_answers_of_one_content_all_go(ledger: Ledger) -> None:
    claimed(ledger)
    ledger.answer(claimed(ledger, number=2), RAW, FACTS)
    first = ledger.look("vin", PRINT)[0]
    admin = LedgerAdmin(ledger, FakeClock())
    admin.write(admin.find(PRINT)[0], first, Verdict(End.ANSWER, "jane", "webhook", RAW))

    buried(ledger, Wanted.of(code=CODE))

    assert CODE.encode() not in content(ledger)
    assert isinstance(decision(ledger), Rejected)


def test_whoever_was_interrupted_ends_it_by_beginning_again(ledger: Ledger) -> None:
    ledger.answer(claimed(ledger), RAW, FACTS)
    (entry,) = found(ledger, Wanted.of(code=CODE))
    whole = entry.files.copy()
    entry.files[:] = [name for name in whole if name.endswith(".claim")]
    bury(ledger.store, entry, why="deleted", clock=FakeClock())  # as if it had been killed before the answer went
    assert CODE.encode() in content(ledger)

    buried(ledger, Wanted.of(code=CODE))

    assert CODE.encode() not in content(ledger)
    assert isinstance(decision(ledger), Rejected)


def test_a_call_in_doubt_is_not_sent_again_once_it_is_forgotten(ledger: Ledger) -> None:
    claimed(ledger)

    buried(ledger, Wanted.of(image=IMAGE))

    assert isinstance(decision(ledger), Rejected)
    assert IMAGE.encode() not in content(ledger)


def test_what_was_only_refused_before_work_may_be_read_however_old_it_is(ledger: Ledger) -> None:
    ledger.release(claimed(ledger), f"503 for {IMAGE}")

    for entry in found(ledger, Wanted.of(image=IMAGE)):
        bury(ledger.store, entry, why=RETENTION, clock=FakeClock())

    assert isinstance(decision(ledger), MayClaim)
    assert IMAGE.encode() not in content(ledger)


def test_what_was_moved_aside_is_deleted_and_not_paid_for_again_either(ledger: Ledger) -> None:
    ledger.answer(claimed(ledger), RAW, FACTS)
    admin = LedgerAdmin(ledger, FakeClock())
    admin.forget(admin.find(PRINT)[0])

    buried(ledger, Wanted.of(code=CODE))

    assert CODE.encode() not in content(ledger)
    assert isinstance(decision(ledger), Rejected)


def test_what_a_person_had_deleted_is_not_among_the_rejections_that_are_undone_together(ledger: Ledger) -> None:
    ledger.answer(claimed(ledger), RAW, FACTS)
    buried(ledger, Wanted.of(code=CODE))

    assert list(rejected(LedgerAdmin(ledger, FakeClock()))) == []


def test_a_body_that_is_no_text_is_looked_into_as_well(ledger: Ledger) -> None:
    body = base64.b64encode(b"\xff" + CODE.encode()).decode()
    ledger.answer(claimed(ledger), {"body_base64": body}, FACTS | {"body_base64": body, "unread": True})

    assert [entry.fingerprint for entry in found(ledger, Wanted.of(code=CODE))] == [PRINT]


def test_a_half_written_file_that_a_killed_process_left_is_found(ledger: Ledger) -> None:
    ledger.answer(claimed(ledger), RAW, FACTS)
    left = Path(ledger.root.path) / "vin" / PRINT[:2] / ".tmp-0123"
    left.write_text(f'{{"answer": "{CODE}"')

    assert half_written(ledger.store, Wanted.of(code=CODE).maybe_in) == [f"vin/{PRINT[:2]}/.tmp-0123"]


def test_the_keys_of_forgotten_images_are_kept_as_hashes(ledger: Ledger) -> None:
    keys = keys_of("vin", {(IMAGE, None), (IMAGE, "v2")})

    keep_keys(ledger.store, keys, FakeClock())
    keep_keys(ledger.store, set(), FakeClock())

    assert {bytes(each) for data in forgotten_keys(ledger.root) for each in pairs(data)} == keys
    assert IMAGE.encode() not in content(ledger)


def pairs(data: bytes) -> list[bytes]:
    return [data[start : start + 16] for start in range(0, len(data), 16)]


def test_a_ledger_without_anything_forgotten_has_no_keys(tmp_path: Path) -> None:
    assert forgotten_keys(local_place(tmp_path / "none")) == []


def test_the_answers_say_who_paid_and_what_is_known_of_the_image(ledger: Ledger) -> None:
    facts: dict[str, Any] = FACTS | {"image_version": "v1", "run_date": "2026-03-01", "read_at": "2026-03-01T23:00:00Z"}
    ledger.answer(claimed(ledger), RAW, facts)

    ((kept,),) = [some for some in kept_answers(ledger) if some]

    assert (kept.type, kept.fingerprint, kept.owner.run_id, kept.calls_billed) == ("vin", PRINT, "r1", 1)
    assert (kept.facts["image_version"], kept.read_at) == ("v1", "2026-03-01T23:00:00Z")
    assert CODE in kept.answer


def test_an_answer_of_a_second_attempt_counts_both_calls(ledger: Ledger) -> None:
    claimed(ledger)
    ledger.answer(claimed(ledger, number=2), RAW, FACTS)

    ((kept,),) = [some for some in kept_answers(ledger, ["vin"]) if some]

    assert kept.calls_billed == 2
    assert list(kept_answers(ledger, ["trailer_id"])) == []


def test_rejections_and_torn_answers_are_no_answers(ledger: Ledger) -> None:
    ledger.reject(claimed(ledger), {"message": "no image"})
    claimed(ledger, OTHER)
    (Path(ledger.root.path) / "vin" / OTHER[:2] / f"{OTHER}.1.answer").write_bytes(b'{"half')

    assert [each for some in kept_answers(ledger) for each in some] == []
