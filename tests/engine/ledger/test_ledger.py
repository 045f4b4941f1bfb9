from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.claims import Answered, End, Held, MayClaim, Rejected, decide
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRLedgerError, OCRLedgerUnsafe
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.simulated_store import SimulatedStore
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.claims import Decision
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.stores import S3Stand

LEASE_S = 270.0
MINE = Owner(dag_id="nightly", run_id="r1", task_id="read", map_index=0, try_number=1)
THEIRS = replace(MINE, map_index=1)
PRINT = "ab" * 32
OTHER = "cd" * 32
FACTS = {"image": "/in/a.jpg", "row": 7}
RAW = {"results": [], "version": 1}


@pytest.fixture(params=["local", "s3", "simulated"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StoragePath:
    if request.param == "local":
        return local_place(tmp_path / "deep" / "ledger")
    if request.param == "s3":
        stand: S3Stand = request.getfixturevalue("s3")
        return stand.place()
    return SimulatedStore(FakeClock()).place()


def opened(
    place: StoragePath, *, owner: Owner = MINE, clock: FakeClock | None = None, spill: Path | None = None
) -> Ledger:
    return Ledger.open(place, lease_s=LEASE_S, clock=clock or FakeClock(), owner=owner, spill=spill)


def claimed(ledger: Ledger, number: int = 1, fingerprint: str = PRINT) -> Claim:
    claim = ledger.claim("vin", fingerprint, number, FACTS)
    assert claim is not None
    return claim


def decided(ledger: Ledger, owner: Owner = THEIRS) -> Decision:
    return decide(ledger.look("vin", PRINT), owner=owner, policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)


def test_what_was_never_claimed_has_no_history(place: StoragePath) -> None:
    assert opened(place).look("vin", PRINT) == ()


def test_an_answer_comes_back_whole_with_who_asked_and_how(place: StoragePath) -> None:
    ledger = opened(place)

    ledger.answer(claimed(ledger), RAW, {**FACTS, "http_status": 200})

    (attempt,) = opened(place, owner=THEIRS).look("vin", PRINT)
    assert (attempt.number, attempt.end, attempt.owner, attempt.facts) == (1, End.ANSWER, MINE, FACTS)
    assert attempt.age_s is None
    assert attempt.lease_s == LEASE_S
    assert attempt.payload is not None
    assert attempt.payload["answer"] == RAW
    assert attempt.payload["facts"] == {**FACTS, "http_status": 200}
    assert attempt.payload["nonce"] == attempt.nonce
    assert attempt.payload["schema"] == 1


def test_a_claim_holds_everybody_else_off(place: StoragePath) -> None:
    ledger = opened(place)
    claimed(ledger)

    assert opened(place, owner=THEIRS).claim("vin", PRINT, 1, FACTS) is None
    assert ledger.claim("vin", PRINT, 1, FACTS) is None
    made = decided(ledger)
    assert isinstance(made, Held)
    assert LEASE_S - 20 < made.until_s <= LEASE_S


def test_a_released_claim_makes_way_for_the_next_number(place: StoragePath) -> None:
    ledger = opened(place)

    ledger.release(claimed(ledger), "429")

    assert decided(ledger) == MayClaim(2)
    assert claimed(ledger, 2).number == 2
    assert [attempt.end for attempt in ledger.look("vin", PRINT)] == [End.RELEASED, None]


def test_a_rejection_is_final_and_says_why(place: StoragePath) -> None:
    ledger = opened(place)

    ledger.reject(claimed(ledger), {"http_status": 400, "message": "not an image"})

    made = decided(ledger)
    assert isinstance(made, Rejected)
    assert made.attempt.payload is not None
    assert made.attempt.payload["facts"] == {"http_status": 400, "message": "not an image"}


def test_types_and_base_urls_do_not_share_answers(place: StoragePath) -> None:
    ledger = opened(place)
    ledger.answer(claimed(ledger), RAW, FACTS)

    assert ledger.look("trailer_id", PRINT) == ()
    assert ledger.look("vin", OTHER) == ()


def test_no_type_can_be_a_folder_of_the_ledgers_own(place: StoragePath) -> None:
    ledger = opened(place)
    ledger.store.create("known-images/old.bin", b"k" * 16)  # of an older version
    ledger.store.create("call-budget/0123/2026-03/000001.reserved", b"{}")
    ledger.answer(claimed(ledger), RAW, FACTS)

    for folder, _ in ledger.store.names():
        if folder == "vin/":
            continue
        with pytest.raises(OCRConfigError):
            ledger.look(folder.rstrip("/"), PRINT)


@pytest.mark.parametrize("fingerprint", ["", "../x", "AB" * 32, "ab" * 31, "ab" * 32 + "/x"])
def test_what_is_no_fingerprint_becomes_no_path(tmp_path: Path, fingerprint: str) -> None:
    ledger = opened(local_place(tmp_path))

    with pytest.raises(OCRConfigError, match="fingerprint"):
        ledger.look("vin", fingerprint)
    with pytest.raises(OCRConfigError, match="fingerprint"):
        ledger.claim("vin", fingerprint, 1, {})


def test_an_image_on_s3_costs_three_requests_and_a_known_one_two(s3: S3Stand) -> None:
    place = s3.place()
    ledger = opened(place)
    requests = place.fs.requests

    requests.clear()
    ledger.look("vin", PRINT)
    claim = claimed(ledger)
    ledger.answer(claim, RAW, FACTS)
    new = list(requests)
    requests.clear()
    ledger.look("vin", PRINT)

    assert new == ["get_object", "put_object", "put_object"]
    assert requests == ["get_object", "get_object"]


def test_an_open_claim_on_s3_costs_a_few_more_and_its_clock_serves_for_a_while(s3: S3Stand) -> None:
    place = s3.place()
    ledger = opened(place)
    claimed(ledger)
    ledger.look("vin", PRINT)
    place.fs.requests.clear()

    ledger.look("vin", PRINT)

    assert place.fs.requests == ["get_object"] * 4 + ["head_object", "get_object"]


def test_a_claim_past_its_lease_is_in_doubt(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    claimed(ledger)
    age_claims(tmp_path, 300)

    made = decided(ledger)

    assert isinstance(made, MayClaim)
    assert [attempt.number for attempt in made.doubts] == [1]
    assert made.number == 2


def test_ages_are_taken_on_the_stores_clock_whatever_ours_says() -> None:
    theirs = FakeClock()
    place = SimulatedStore(theirs).place()
    fast = FakeClock()
    fast.tick(1_000_000)
    ledger = opened(place, clock=fast)
    claimed(ledger)

    theirs.tick(100)
    fast.tick(50)

    (attempt,) = ledger.look("vin", PRINT)
    assert attempt.age_s == 100


def test_saving_an_answer_twice_changes_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = opened(local_place(tmp_path), clock=clock, spill=tmp_path / "spill")
    claim = claimed(ledger)
    ledger.answer(claim, RAW, FACTS)
    clock.tick(5)

    ledger.answer(claim, RAW, FACTS)

    assert len(list((tmp_path / "vin" / "ab").iterdir())) == 2
    assert not (tmp_path / "spill").exists()


def test_a_second_answer_for_one_attempt_is_kept_outside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = opened(local_place(tmp_path / "ledger"), spill=tmp_path / "spill")
    claim = claimed(ledger)
    ledger.answer(claim, RAW, FACTS)

    ledger.answer(claim, {**RAW, "version": 2}, FACTS)

    (kept,) = (tmp_path / "spill").iterdir()
    assert json.loads(kept.read_bytes())["answer"] == {**RAW, "version": 2}
    assert str(kept) in caplog.text


def test_ending_an_attempt_twice_is_no_error(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = opened(local_place(tmp_path), clock=clock)
    claim = claimed(ledger)
    ledger.release(claim, "429")
    clock.tick(1)

    ledger.release(claim, "429")

    assert decided(ledger) == MayClaim(2)


def test_after_a_late_answer_later_attempts_are_looked_for(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = opened(local_place(tmp_path), clock=clock)
    slow = claimed(ledger)
    age_claims(tmp_path, 300)
    ledger.answer(claimed(ledger, 2), {**RAW, "version": 2}, FACTS)
    clock.tick(300)

    ledger.answer(slow, RAW, FACTS)

    history = ledger.look("vin", PRINT)
    assert [attempt.end for attempt in history] == [End.ANSWER, End.ANSWER]
    made = decided(ledger)
    assert isinstance(made, Answered)
    assert made.attempt.number == 1


def test_a_claim_knows_its_age_on_its_own_clock_from_before_it_was_made() -> None:
    clock = FakeClock()
    fs = SimulatedStore(clock)
    ledger = opened(fs.place(), clock=clock)
    fs.before = lambda operation, _: clock.tick(40 if operation == "create" else 0)

    claim = claimed(ledger)

    assert claim.age_s(clock) == 40


def test_a_claim_that_is_moved_away_while_it_is_looked_at_is_gone() -> None:
    clock = FakeClock()
    fs = SimulatedStore(clock)
    ledger = opened(fs.place(), clock=clock)
    claimed(ledger)

    def forget(operation: str, path: str) -> None:
        if operation == "date":
            fs.objects.pop(path)

    fs.before = forget

    assert ledger.look("vin", PRINT) == ()


def test_a_claim_that_cannot_be_written_is_no_claim() -> None:
    fs = SimulatedStore(FakeClock())
    ledger = opened(fs.place())

    def cut(operation: str, _path: str) -> None:
        if operation != "read":
            raise ConnectionError

    fs.before = cut

    with pytest.raises(OCRLedgerError, match="cannot be written"):
        ledger.claim("vin", PRINT, 1, FACTS)


def test_a_store_without_exclusive_creation_opens_no_ledger() -> None:
    with pytest.raises(OCRLedgerUnsafe):
        opened(SimulatedStore(FakeClock(), exclusive=False).place())


def test_looking_needs_no_right_to_write(tmp_path: Path) -> None:
    fs = SimulatedStore(FakeClock())
    claimed(opened(fs.place()))

    def read_only(operation: str, _path: str) -> None:
        if operation in {"create", "overwrite"}:
            raise PermissionError

    fs.before = read_only
    clock = FakeClock()
    clock.tick(30)

    (attempt,) = Ledger.peek(fs.place(), lease_s=LEASE_S, clock=clock).look("vin", PRINT)
    assert attempt.age_s == 30
    assert Ledger.peek(local_place(tmp_path / "none"), lease_s=LEASE_S, clock=clock).look("vin", PRINT) == ()
    assert not (tmp_path / "none").exists()


def test_a_board_is_a_folder_that_no_type_can_be(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))

    board = ledger.board("a1b2c3")

    assert board.uri == str(tmp_path / "pace-boards" / "a1b2c3")
    for account in ("", "..", "a/b", "x" * 101):
        with pytest.raises(OCRConfigError, match="account"):
            ledger.board(account)


def test_no_file_of_the_ledger_is_ever_changed(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    contents: dict[str, bytes] = {}

    def steps() -> Iterator[str]:
        claim = claimed(ledger)
        yield "claimed"
        ledger.release(claim, "429")
        yield "released"
        claim = claimed(ledger, 2)
        yield "claimed again"
        ledger.answer(claim, RAW, FACTS)
        yield "answered"
        ledger.answer(claim, RAW, FACTS)
        yield "answered twice"

    for _ in steps():
        now = {str(path): path.read_bytes() for path in tmp_path.rglob(f"{PRINT}*")}
        assert contents.items() <= now.items()
        contents = now
    assert len(contents) == 4


def test_threads_over_s3_claim_each_image_once(s3: S3Stand) -> None:
    place = s3.place()
    ledgers = [opened(s3.again(place), owner=replace(MINE, map_index=worker)) for worker in range(3)]
    prints = [f"{number:064x}" for number in range(10)]

    with ThreadPoolExecutor(6) as pool:
        jobs = [(ledger, name) for name in prints for ledger in ledgers]
        claims = list(pool.map(lambda job: job[0].claim("vin", job[1], 1, FACTS), jobs))

    assert sorted(claim.fingerprint for claim in claims if claim) == prints
