"""Rejections in a row: when they are believed, when they stop the batch, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRStop, OCRWrongBaseURL
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes, fingerprint_url
from airflow_provider_platerec_ocr.core.images.alike import Fellows
from airflow_provider_platerec_ocr.core.models import PlannedImage, ReadStatus, Reason
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.reading import OWNER, Setup, images, jpeg, read_async, read_virtually, sandbox_here
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from pathlib import Path

    from support.reading import Box, Done


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = SimulatedStore(self.clock)
        self.setup = Setup(folder, place=self.store.place(), settings={"rate_per_s": 10.0})

    def run(self, count: int, setup: Setup | None = None, **how: Any) -> tuple[Done, Box]:
        rows = images(self.folder, count)
        found, box = read_virtually(self.clock, setup or self.setup, rows, **{"latency": "0.01", **how})
        return found[0], box

    def ends(self, box: Box, count: int) -> list[list[End | None]]:
        ledger = Ledger.peek(self.store.place(), lease_s=270.0, clock=self.clock)
        marks = [fingerprint_bytes(box.url, "vin", jpeg(f"image {row}")) for row in range(1, count + 1)]
        return [[attempt.end for attempt in ledger.look("vin", mark)] for mark in marks]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_twenty_rejections_alike_stop_the_batch_and_leave_every_claim_released(stage: Stage) -> None:
    done, box = stage.run(60, faults=["always:400"])

    ends = stage.ends(box, 60)
    assert type(done.reason) is OCRStop
    assert "20 calls in a row were rejected with the same words" in str(done.reason)
    assert done.verdict() is done.reason
    assert done.outcomes == []
    assert 20 <= box.books()["posts"] <= 22
    assert [each for each in ends if each] == [[End.RELEASED]] * box.books()["posts"]


@pytest.mark.parametrize("count", [3, 19])
def test_a_night_of_rejections_alike_fails_and_rejects_nothing(stage: Stage, count: int) -> None:
    done, box = stage.run(count, faults=["always:400"])

    assert type(done.reason) is OCRStop
    assert f"All {count} calls of this run were rejected with the same words" in str(done.reason)
    assert done.verdict() is done.reason
    assert done.outcomes == []
    assert stage.ends(box, count) == [[End.RELEASED]] * count


def test_a_bad_image_that_is_all_of_its_night_is_believed_in_the_third(stage: Stage) -> None:
    rows = images(stage.folder, 2)

    async def main() -> tuple[list[Done], Box]:
        async with sandbox_here(stage.clock, faults=["always:400"], latency="0.01") as box:
            setup = stage.setup.but(url=box.url)
            owners = [replace(OWNER, run_id=f"run-{number}") for number in range(4)]
            return [await read_async(setup.but(owner=owner), rows, stage.clock) for owner in owners], box

    nights, box = stage.clock.run(main())

    assert [night.statuses for night in nights] == [{"failed": 2}, {"failed": 2}, {"rejected": 2}, {"rejected": 2}]
    assert {night.reason for night in nights} == {None}
    assert {outcome.reason for night in nights for outcome in night.outcomes} == {Reason.API_REJECTED}
    assert "the next run sends it again" in str(nights[0].outcomes[0].message)
    assert stage.ends(box, 2) == [[End.RELEASED, End.RELEASED, End.REJECTED]] * 2
    assert box.books()["posts"] == 6


@dataclass
class OtherShards(Fellows):
    """What the other shards say, and what they were told."""

    met: int = 0
    before: int = 0
    """Met by earlier tries of this shard."""
    read: bool = False
    told: list[int] = field(default_factory=list)
    breaks: bool = False

    def tell(self, said: str, count: int) -> None:
        assert "400" in said or not count
        self.told.append(count)

    def alike(self, said: str, *, own: bool = True) -> int:
        if self.breaks:
            raise OSError(said)
        return self.met + (self.before if own else 0)

    def have_read(self) -> bool:
        return self.read


def beside(stage: Stage, fellows: OtherShards) -> Setup:
    return stage.setup.but(more={"fellows": fellows}, settings={"rate_per_s": 10.0, "max_in_flight": 1})


def test_twenty_alike_are_counted_over_the_shards_of_a_run(stage: Stage) -> None:
    fellows = OtherShards(met=15)
    done, box = stage.run(60, beside(stage, fellows), faults=["always:400"])

    assert "20 calls of this run's shards in a row were rejected" in str(done.reason)
    assert done.outcomes == []
    assert box.books()["posts"] == 5
    assert fellows.told == [5, 5]


def test_other_shards_that_read_say_that_it_is_about_the_images(stage: Stage) -> None:
    fellows = OtherShards(met=500, read=True)
    done, box = stage.run(19, beside(stage, fellows), faults=["always:400"])

    assert (done.statuses, done.reason) == ({"rejected": 19}, None)
    assert stage.ends(box, 19) == [[End.REJECTED]] * 19
    assert fellows.told == [5, 10, 15]


def test_one_bad_image_of_a_shard_is_no_outage_unless_the_other_shards_have_some_too(stage: Stage) -> None:
    done, _ = stage.run(1, beside(stage, OtherShards(met=2)), faults=["always:400"])

    assert "All 3 calls of this run were rejected" in str(done.reason)


def test_what_was_told_is_taken_back_with_the_next_read(stage: Stage) -> None:
    fellows = OtherShards()
    done, _ = stage.run(12, beside(stage, fellows), faults=["nth=1-6:400"])

    assert done.statuses == {"rejected": 6, "read": 6}
    assert fellows.told == [5, 0]


def test_other_shards_that_cannot_be_asked_hold_nothing_up(stage: Stage) -> None:
    done, _ = stage.run(8, beside(stage, OtherShards(breaks=True)), faults=["nth=1-7:400"])

    assert done.statuses == {"rejected": 7, "read": 1}


def test_a_read_between_them_says_that_they_are_about_the_images(stage: Stage) -> None:
    done, box = stage.run(50, faults=["nth=1-19:400", "nth=21-39:400", "nth=41-50:400"])

    assert done.statuses == {"rejected": 48, "read": 2}
    assert done.reason is None
    assert sorted(map(str, stage.ends(box, 50))) == sorted(map(str, [[End.REJECTED]] * 48 + [[End.ANSWER]] * 2))


def test_an_answer_that_is_no_read_says_nothing_of_the_rejections_beside_it(stage: Stage) -> None:
    one_by_one = stage.setup.but(settings={"rate_per_s": 10.0, "max_in_flight": 1})
    done, box = stage.run(60, one_by_one, faults=["nth=16:dialect", "always:400"])

    assert done.statuses == {"read": 1}
    assert "20 calls in a row were rejected with the same words" in str(done.reason)
    assert sorted(each for each in stage.ends(box, 60) if each) == [[End.ANSWER]] + [[End.RELEASED]] * 20


def test_what_was_rejected_just_before_a_page_came_in_the_apis_place_is_not_rejected(stage: Stage) -> None:
    one_by_one = stage.setup.but(settings={"rate_per_s": 10.0, "max_in_flight": 1})
    done, box = stage.run(60, one_by_one, faults=["nth=1-15:400", "always:403-html"])

    assert isinstance(done.reason, OCRWrongBaseURL)
    assert done.outcomes == []
    assert [each for each in stage.ends(box, 60) if each] == [[End.RELEASED]] * 16


def test_other_words_say_that_they_are_about_the_images(stage: Stage) -> None:
    done, _ = stage.run(40, faults=["nth=1-15:400", "nth=16-30:413", "nth=31-40:400"])

    assert done.statuses == {"rejected": 40}
    assert done.reason is None


def test_the_next_night_after_the_repair_reads_them_all(stage: Stage) -> None:
    rows = images(stage.folder, 30)

    async def main() -> tuple[Done, Done, Box]:
        async with sandbox_here(stage.clock, faults=["nth=1-20:400"], latency="0.01") as box:
            setup = stage.setup.but(url=box.url, settings={"rate_per_s": 10.0, "max_in_flight": 1})
            first = await read_async(setup, rows, stage.clock)
            night = setup.but(owner=replace(OWNER, run_id="run-2"))
            return first, await read_async(night, rows, stage.clock), box

    first, second, box = stage.clock.run(main())

    assert first.outcomes == []
    assert second.statuses == {"read": 30}
    assert box.books()["posts"] == 50


def test_a_drain_leaves_what_nobody_can_believe_yet_to_the_next_try(stage: Stage) -> None:
    fellows = OtherShards()
    setup = stage.setup.but(deadline_s=1.0, settings={"rate_per_s": 10.0}, more={"fellows": fellows})
    done, box = stage.run(40, setup, faults=["always:400"])

    posts = box.books()["posts"]
    assert isinstance(done.reason, OCRDrained)
    assert done.outcomes == []
    assert 5 <= posts < 20
    assert [each for each in stage.ends(box, 40) if each] == [[End.RELEASED]] * posts
    assert fellows.told[-1] == posts, "the next try counts them"


def test_what_an_earlier_try_left_to_this_one_is_not_counted_twice(stage: Stage) -> None:
    done, _ = stage.run(2, beside(stage, OtherShards(before=2)), faults=["always:400"])

    assert (done.statuses, done.reason) == ({"failed": 2}, None), "put off, as without the earlier try"


def test_a_drain_writes_down_what_was_rejected_beside_a_read(stage: Stage) -> None:
    setup = stage.setup.but(deadline_s=1.0, settings={"rate_per_s": 10.0, "max_in_flight": 1})
    done, _ = stage.run(40, setup, faults=["nth=2-40:400"])

    assert isinstance(done.reason, OCRDrained)
    assert done.statuses["read"] == 1
    assert 3 <= done.statuses["rejected"] < 20


def test_a_rejection_that_nothing_is_read_beside_is_let_go_before_its_lease_ends(stage: Stage) -> None:
    done, box = stage.run(2, faults=["nth=1:400", "nth=2:429;retry_after=400"])

    outcomes = {outcome.row: outcome for outcome in done.outcomes}
    assert [outcome.status for outcome in outcomes.values()].count(ReadStatus.READ) == 1
    bad = next(outcome for outcome in outcomes.values() if outcome.status == ReadStatus.FAILED)
    assert bad.reason == Reason.API_REJECTED
    assert "the next run sends it again" in str(bad.message)
    assert stage.ends(box, 2)[bad.row - 1] == [End.RELEASED]


@pytest.mark.parametrize(("read", "status", "end"), [(True, "rejected", End.REJECTED), (False, "failed", End.RELEASED)])
def test_duplicates_of_a_rejected_image_share_its_end(
    stage: Stage,
    read: bool,  # noqa: FBT001  # a case's column
    status: str,
    end: End,
) -> None:
    row = images(stage.folder, 1)[0]
    twice = [replace(row, row=number) for number in (1, 2, 3)]

    setup = beside(stage, OtherShards(read=read))
    found, box = read_virtually(stage.clock, setup, twice, faults=["always:400"], latency="0.01")

    assert found[0].statuses == {status: 3}
    assert box.books()["posts"] == 1
    assert stage.ends(box, 1) == [[end]]


def test_a_page_in_the_apis_place_stops_at_once_and_rejects_nothing(stage: Stage) -> None:
    async def main() -> tuple[Done, Box]:
        async with sandbox_here(stage.clock, latency="0.01") as box:
            return await read_async(
                stage.setup.but(url=f"{box.url}/nowhere"), images(stage.folder, 9), stage.clock
            ), box

    done, _ = stage.clock.run(main())

    assert isinstance(done.reason, OCRWrongBaseURL)
    assert done.outcomes == []


def url_rows(count: int) -> list[PlannedImage]:
    urls = [f"http://127.0.0.1:1/{number}.jpg" for number in range(1, count + 1)]
    return [PlannedImage(row=row, image=url, type="vin", upload_url=url) for row, url in enumerate(urls, start=1)]


def test_a_url_that_cannot_be_fetched_is_tried_once_a_night(stage: Stage) -> None:
    rows = url_rows(1)

    async def main() -> tuple[list[Done], list[int], list[End | None]]:
        async with sandbox_here(stage.clock, faults=["always:400"], latency="0.01") as box:
            setup = stage.setup.but(url=box.url)
            found, posts = [], []
            for owner in (OWNER, replace(OWNER, try_number=2), replace(OWNER, run_id="run-2")):
                found.append(await read_async(setup.but(owner=owner), rows, stage.clock))
                posts.append(box.books()["posts"])
            ledger = Ledger.peek(stage.store.place(), lease_s=270.0, clock=stage.clock)
            history = ledger.look("vin", fingerprint_url(box.url, "vin", str(rows[0].upload_url)))
            return found, posts, [attempt.end for attempt in history]

    found, posts, ends = stage.clock.run(main())

    outcomes = [done.outcomes[0] for done in found]
    assert posts == [1, 1, 2]
    assert ends == [End.RELEASED, End.RELEASED]
    assert {outcome.status for outcome in outcomes} == {ReadStatus.FAILED}
    assert {outcome.reason for outcome in outcomes} == {Reason.URL_NOT_FETCHED}
    assert {outcome.http_status for outcome in outcomes} == {400}
    assert all("The next run tries it again" in str(outcome.message) for outcome in outcomes)


def test_a_url_whose_image_is_too_large_is_rejected_for_good(stage: Stage) -> None:
    setup = beside(stage, OtherShards(read=True))
    found, _ = read_virtually(stage.clock, setup, url_rows(1), faults=["always:413"], latency="0.01")

    assert found[0].outcomes[0].status == ReadStatus.REJECTED
    assert found[0].outcomes[0].reason == Reason.API_REJECTED


def test_twenty_urls_that_cannot_be_fetched_stop_the_batch(stage: Stage) -> None:
    found, box = read_virtually(stage.clock, stage.setup, url_rows(60), faults=["always:400"], latency="0.01")

    assert type(found[0].reason) is OCRStop
    assert 20 <= box.books()["posts"] <= 22
