"""What a ledger says of an image can be deleted; that it was paid for cannot be lost by it."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End, MayClaim, Rejected, decide
from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.kept.answers import kept_answers
from airflow_provider_platerec_ocr.engine.kept.tombstones import (
    DELETED,
    RETENTION,
    bury,
    forgotten_keys,
    half_written,
    is_about,
    keep_keys,
    keep_met,
    kept_key_files,
    keys_of,
    search,
)
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, LedgerDecision
from airflow_provider_platerec_ocr.engine.ledger.describe import verdict
from airflow_provider_platerec_ocr.engine.ledger.selection import rejected
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.ledger_shell import FACTS, OTHER, PRINT, RAW, claimed, opened
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Callable

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
    admin.write(admin.find(PRINT)[0], first, LedgerDecision(End.ANSWER, "jane", "webhook", RAW))

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


class Killed(Store):
    """A ledger's store whose process dies at one of its changes."""

    left = 0

    def _may(self) -> None:
        self.left -= 1
        if self.left < 0:
            message = "killed"
            raise OCRLedgerUnwritable(message)

    def replace(self, name: str, data: bytes) -> None:
        self._may()
        super().replace(name, data)

    def delete(self, name: str) -> None:
        self._may()
        super().delete(name)

    def create(self, name: str, data: bytes) -> bool:
        self._may()
        return super().create(name, data)


def two_attempts(ledger: Ledger) -> None:
    ledger.release(claimed(ledger), f"503 for {IMAGE}")
    ledger.answer(claimed(ledger, number=2), RAW, FACTS)


def answered_twice(ledger: Ledger) -> None:
    claim = claimed(ledger)
    ledger.answer(claimed(ledger, number=2), RAW, FACTS)
    ledger.answer(claim, RAW, FACTS)


def moved_aside(ledger: Ledger) -> None:
    ledger.answer(claimed(ledger), RAW, FACTS)
    admin = LedgerAdmin(ledger, FakeClock())
    admin.forget(admin.find(PRINT)[0])


@pytest.mark.parametrize("made", [two_attempts, answered_twice, moved_aside])
@pytest.mark.parametrize("why", [DELETED, RETENTION])
def test_whichever_step_it_was_killed_at_the_next_one_ends_it(
    tmp_path: Path, made: Callable[[Ledger], None], why: str
) -> None:
    def sweep(ledger: Ledger, store: Store) -> int:
        everything = [each for each in search(ledger.store, lambda *_: True) if each.has_content or why is DELETED]
        for entry in everything:
            bury(store, entry, why=why, clock=FakeClock())
        return len(everything)

    for steps in range(9):
        ledger = opened(local_place(tmp_path / f"ledger-{steps}"))
        made(ledger)
        killed = Killed(ledger.root)
        killed.left = steps
        try:
            sweep(ledger, killed)
        except OCRLedgerUnwritable:
            assert found(ledger, Wanted.of(code=CODE)) or CODE.encode() not in content(ledger)
            sweep(ledger, ledger.store)
        assert CODE.encode() not in content(ledger)
        assert IMAGE.encode() not in content(ledger)
        assert why is RETENTION or isinstance(decision(ledger), Rejected)
        assert sweep(ledger, ledger.store) == 0, "what is buried is not looked at again"
    assert killed.left >= 0, "the last one was not killed"


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


def test_other_names_of_what_was_deleted_are_done_and_are_no_deletion(ledger: Ledger) -> None:
    keep_keys(ledger.store, keys_of("vin", {("a.jpg", "v1")}), FakeClock())
    deletions = kept_key_files(ledger.store)
    copies = keys_of("vin", {("copy.jpg", "v1"), ("other.jpg", None)})

    for _ in range(2):
        keep_met(ledger.store, copies)
    keep_met(ledger.store, set())

    assert kept_key_files(ledger.store) == deletions
    assert len(ledger.store.bare_names("forgotten-images")) == 2
    assert b"".join(sorted(copies)) in forgotten_keys(ledger.root)
