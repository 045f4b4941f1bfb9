"""An answer that came another way settles a doubt before anything is sent again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInDoubt
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage, Reason
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin as LedgerDesk
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerDecision
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
from airflow_provider_platerec_ocr.engine.reading.batch import Batch, verdict
from airflow_provider_platerec_ocr.engine.reading.context import ReadContext, ReadOptions
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.sandbox import TOKEN, running_sandbox
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.sandbox import Sandbox

ANSWER = {
    "results": [{"identifier": {"type": "text", "props": {"code": [{"value": "11111111111111111"}]}}}],
    "filename": "1617_7M83K_a.jpg",
}
LEASE_S = 270
OVER_S = 300


@dataclass
class LedgerAdmin:
    """Tries of one task over the same images, on one ledger."""

    sandbox: Sandbox
    folder: Path
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def images(self) -> list[PlannedImage]:
        paths = sorted((self.folder / "images").glob("*.jpg"))
        return [
            PlannedImage(row=row, image=str(path), type="vin", uri=str(path)) for row, path in enumerate(paths, start=1)
        ]

    def ledger(self, owner: Owner) -> Ledger:
        return Ledger.open(local_place(self.folder / "ledger"), lease_s=LEASE_S, clock=SystemClock(), owner=owner)

    def attempts(self, fingerprint: str | None) -> tuple[Attempt, ...]:
        assert fingerprint is not None
        return self.ledger(Owner()).look("vin", fingerprint)

    def run(
        self,
        inbox: Callable[[str, str], dict[str, Any] | None] | None,
        *,
        try_number: int = 1,
        run_id: str = "night",
        policy: InDoubtPolicy = InDoubtPolicy.RESEND,
    ) -> tuple[list[Outcome], Progress, Exception | None]:
        """Read all images in one try; return outcomes as they were written, counts and the task's end."""
        return asyncio.run(self._run(inbox, Owner("dag", run_id, "read", 0, try_number), policy))

    async def _run(
        self, inbox: Callable[[str, str], dict[str, Any] | None] | None, owner: Owner, policy: InDoubtPolicy
    ) -> tuple[list[Outcome], Progress, Exception | None]:
        settings = ClientSettings(token=TOKEN, base_url=self.sandbox.url)
        outcomes: list[Outcome] = []

        async def keep(outcome: Outcome) -> None:
            outcomes.append(outcome)

        def ask(type_: str, fingerprint: str) -> dict[str, Any] | None:
            self.asked.append((type_, fingerprint))
            return inbox(type_, fingerprint) if inbox else None

        with ThreadPoolExecutor(4) as pool:
            async with OCRClient(settings, clock=SystemClock()) as client:
                tools = ReadContext(
                    client=client,
                    ledger=self.ledger(owner),
                    limiter=StartLimiter(clock=SystemClock(), ceiling_per_s=None, max_in_flight=50),
                    loader=ImageLoader(roots=[local_place(self.folder)], opener=_opened, max_bytes=10**6),
                    settings=settings,
                    clock=SystemClock(),
                    pool=pool,
                    stop=StopSignal(),
                    progress=Progress(total=len(self.images)),
                    owner=owner,
                    options=ReadOptions(in_doubt=policy),
                    late_answers=ask if inbox else None,
                )
                await Batch(tools, keep).run(self.images)
                return outcomes, tools.progress, verdict(tools, last_try=False)


def _opened(uri: str) -> StoragePath:
    return local_place(Path(uri))


def nothing_came(_type: str, _fingerprint: str) -> None:
    return None


def it_came(_type: str, _fingerprint: str) -> dict[str, Any]:
    return ANSWER


def out_of_order(_type: str, _fingerprint: str) -> dict[str, Any]:
    message = "https://store.example/inbox?X-Amz-Signature=SECRET is away"
    raise ConnectionError(message)


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[LedgerAdmin]:
    """One image whose first call is worked and billed, and whose answer is cut."""
    make_load_images(tmp_path / "images", 1)
    with running_sandbox(faults=["nth=1:cut-after"]) as sandbox:
        yield LedgerAdmin(sandbox, tmp_path)


def test_an_answer_in_the_inbox_settles_a_doubt_and_nothing_is_sent_again(admin: LedgerAdmin) -> None:
    admin.run(None)
    age_claims(admin.folder / "ledger", OVER_S)

    outcomes, progress, failure = admin.run(it_came, try_number=2)

    assert [(each.status, each.from_ledger, each.calls_billed) for each in outcomes] == [("read", True, 1)]
    assert "11111111111111111" in (outcomes[0].answer or "")
    assert admin.sandbox.books()["posts"] == 1
    assert (progress.calls, progress.resent, failure) == (0, 0, None)
    attempt = admin.attempts(outcomes[0].fingerprint)[0]
    assert attempt.payload is not None
    assert attempt.payload["answer"] == ANSWER
    assert attempt.payload["settled"]["by"] == "webhook"


def test_a_settled_call_of_another_run_is_not_billed_to_this_one(admin: LedgerAdmin) -> None:
    admin.run(None, run_id="last night")
    age_claims(admin.folder / "ledger", OVER_S)

    outcomes, _, _ = admin.run(it_came, run_id="tonight")

    assert [(each.status, each.calls_billed) for each in outcomes] == [("read", 0)]


def test_what_the_inbox_does_not_know_is_asked_for_once_and_sent_again(admin: LedgerAdmin) -> None:
    admin.run(None)
    age_claims(admin.folder / "ledger", OVER_S)

    outcomes, progress, _ = admin.run(nothing_came, try_number=2)

    assert [each.status for each in outcomes] == ["read"]
    assert (admin.sandbox.books()["posts"], progress.resent) == (2, 1)
    assert admin.asked == [("vin", outcomes[0].fingerprint)]


@pytest.mark.parametrize("policy", [InDoubtPolicy.HOLD, InDoubtPolicy.FAIL])
def test_the_inbox_settles_what_a_policy_holds(admin: LedgerAdmin, policy: InDoubtPolicy) -> None:
    admin.run(None, policy=policy)
    age_claims(admin.folder / "ledger", OVER_S)

    outcomes, _, failure = admin.run(it_came, try_number=2, policy=policy)

    assert [(each.status, each.from_ledger) for each in outcomes] == [("read", True)]
    assert (admin.sandbox.books()["posts"], failure) == (1, None)


@pytest.mark.parametrize("policy", [InDoubtPolicy.HOLD, InDoubtPolicy.RESEND])
def test_a_doubt_that_another_task_settles_at_the_same_moment_is_read_and_not_named(
    admin: LedgerAdmin, policy: InDoubtPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    admin.run(None, policy=policy)
    age_claims(admin.folder / "ledger", OVER_S)

    def faster(type_: str, fingerprint: str) -> dict[str, Any]:
        person = LedgerDesk(admin.ledger(Owner()), SystemClock())
        person.settle(person.find(fingerprint, type_)[0], LedgerDecision(End.ANSWER, "webhook", "it came", ANSWER))
        return ANSWER

    outcomes, progress, _ = admin.run(faster, try_number=2, policy=policy)

    assert [(each.status, each.from_ledger) for each in outcomes] == [("read", True)]
    assert (admin.sandbox.books()["posts"], progress.resent) == (1, 0)
    assert "Resending" not in caplog.text


def test_the_inbox_settles_what_was_in_doubt_twice(admin: LedgerAdmin) -> None:
    admin.sandbox.control(faults=["nth=1-2:cut-after"])
    for try_number in (1, 2):
        held, _, _ = admin.run(None, try_number=try_number)
        age_claims(admin.folder / "ledger", OVER_S)
    assert held[0].reason == Reason.IN_DOUBT_TWICE

    outcomes, _, _ = admin.run(it_came, run_id="next night")

    assert [(each.status, each.from_ledger) for each in outcomes] == [("read", True)]
    assert admin.sandbox.books()["posts"] == 2


@pytest.mark.parametrize("policy", [InDoubtPolicy.RESEND, InDoubtPolicy.HOLD])
def test_while_the_inbox_cannot_be_asked_nothing_is_sent_again(
    admin: LedgerAdmin, policy: InDoubtPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    admin.run(None)
    age_claims(admin.folder / "ledger", OVER_S)

    outcomes, _, _ = admin.run(out_of_order, try_number=2, policy=policy)

    assert [(each.status, each.reason) for each in outcomes] == [("in_doubt", "in_doubt")]
    assert admin.sandbox.books()["posts"] == 1
    assert "cannot be asked" in caplog.text
    assert "SECRET" not in caplog.text


def test_a_ledger_that_cannot_keep_the_answer_sends_nothing_either(admin: LedgerAdmin) -> None:
    admin.run(None)
    age_claims(admin.folder / "ledger", OVER_S)

    def full(_type: str, _fingerprint: str) -> dict[str, Any]:
        claims = [*(admin.folder / "ledger" / "vin").rglob("*.claim")]
        (claims[0].parent / f"{claims[0].stem}.answer").mkdir()  # the name is taken by what is no file
        return ANSWER

    outcomes, _, _ = admin.run(full, try_number=2)

    assert [each.status for each in outcomes] == ["in_doubt"]
    assert admin.sandbox.books()["posts"] == 1


def test_a_doubt_of_this_try_is_looked_up_once_more_at_the_end_of_the_batch(admin: LedgerAdmin) -> None:
    outcomes, progress, failure = admin.run(it_came)

    assert [each.status for each in outcomes] == ["in_doubt", "read"]
    assert (outcomes[1].from_ledger, outcomes[1].calls_billed) == (True, 1)
    assert (progress.by_status["in_doubt"], progress.by_status["read"], progress.in_doubt_once) == (0, 1, 0)
    assert failure is None
    assert admin.sandbox.books()["posts"] == 1


def test_a_doubt_that_stays_is_left_to_the_next_try(admin: LedgerAdmin) -> None:
    outcomes, progress, failure = admin.run(nothing_came)

    assert [each.status for each in outcomes] == ["in_doubt"]
    assert progress.by_status["in_doubt"] == 1
    assert isinstance(failure, OCRInDoubt)
    assert len(admin.asked) == 1


def test_an_inbox_that_fails_at_the_end_of_the_batch_changes_nothing(admin: LedgerAdmin) -> None:
    outcomes, progress, failure = admin.run(out_of_order)

    assert [each.status for each in outcomes] == ["in_doubt"]
    assert progress.in_doubt_once == 1
    assert isinstance(failure, OCRInDoubt)


def test_duplicates_in_doubt_are_both_settled_and_billed_once(admin: LedgerAdmin) -> None:
    first = admin.images[0]
    (admin.folder / "images" / "zz_copy.jpg").write_bytes((admin.folder / "images" / first.image).read_bytes())

    outcomes, _, _ = admin.run(it_came)

    reads = [each for each in outcomes if each.status == "read"]
    assert sorted(each.row for each in reads) == [1, 2]
    assert sum(each.calls_billed for each in reads) == 1
    assert admin.sandbox.books()["posts"] == 1


def test_a_call_of_somebody_else_that_is_under_way_is_waited_for_and_not_settled(admin: LedgerAdmin) -> None:
    first, _, _ = admin.run(None)
    assert first[0].fingerprint is not None
    age_claims(admin.folder / "ledger", LEASE_S - 3)  # its lease ends in a moment

    outcomes, _, _ = admin.run(nothing_came, try_number=2)

    assert [each.status for each in outcomes] == ["read"]
    assert len(admin.asked) == 1
    assert admin.attempts(outcomes[0].fingerprint)[0].end is None
