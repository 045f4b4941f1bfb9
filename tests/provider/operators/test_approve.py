"""A person is asked before much is paid, and what they approved is never exceeded."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_provider_platerec_ocr.compat import NoHumanOperator, human_operator, require_people
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.engine.ledger.records import pack, unpack
from airflow_provider_platerec_ocr.engine.ledger.reservations import FOLDER
from airflow_provider_platerec_ocr.operators.approve import APPROVE, REJECT, OCRApproveOperator
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup
from airflow_provider_platerec_ocr.tasks.telling.counts import is_news
from support import people
from support.airflow_versions import AirflowException, AirflowFailException, since_3_1
from support.batch_stage import BatchRun, BatchStage
from support.people import JANE, Asked

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from support.sandbox import Sandbox

pytestmark = since_3_1("no task waits for a person")
PRICED = {"price_per_1000_calls": 100, "currency": "EUR"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked.caught(monkeypatch)


def task_of(stage: BatchStage, run: BatchRun, **given: Any) -> OCRApproveOperator:
    return OCRApproveOperator(task_id="approve", shards=run.shards, plan=run.plan, conn_id=stage.conn_id, **given)


def context_of(stage: BatchStage, run_id: str = "night-1", pushed: dict[str, Any] | None = None) -> Context:
    return people.context_of(stage.context(run_id, "approve", pushed=pushed))


def ask(stage: BatchStage, run: BatchRun, run_id: str = "night-1", **given: Any) -> OCRApproveOperator:
    task = task_of(stage, run, **({"approve_above_calls": 5} | given))
    people.ask(task, context_of(stage, run_id))
    return task


def answer(
    stage: BatchStage, task: OCRApproveOperator, choice: str, by: Any = JANE, pushed: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = people.answer(task, context_of(stage, pushed=pushed), choice, by=by)
    return found


def released(stage: BatchStage) -> int:
    return len(list((stage.root / "ledger" / FOLDER).rglob("*.released")))


def test_below_the_limit_nobody_is_asked_and_the_plan_is_read(
    stage: BatchStage, sandbox: Sandbox, asked: Asked
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=5)

    run.shards = task_of(stage, run, approve_above_calls=5).execute(context_of(stage))
    stage.read(run, "night-1")
    stage.export(run, "night-1")

    assert asked == []
    assert (run.counts["reads"], run.report["approval"], sandbox.books()["billed"]) == (5, None, 5)


def test_above_the_limit_a_person_sees_the_figures_and_a_yes_reads_the_plan(
    stage: BatchStage, sandbox: Sandbox, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.connect(monkeypatch, stage.root, sandbox.url, sandbox.token, **PRICED)
    run, pushed = BatchRun(), dict[str, Any]()
    stage.plan(run, "night-1")
    task = ask(stage, run, approve_above_calls=None, approve_above_cost="1.99", approve_within=timedelta(hours=2))

    (question,) = asked
    assert question.subject == "Pay for up to 20 calls, up to 2.00 EUR?"
    assert "| asked because it is | more than 1.99 EUR (approve_above_cost) |" in question.body
    assert (question.options, question.defaults) == ([APPROVE, REJECT], [REJECT])
    assert task.response_timeout == timedelta(hours=2)
    assert sandbox.books()["posts"] == 0

    run.shards = answer(stage, task, APPROVE, pushed=pushed)
    stage.read(run, "night-1")
    stage.export(run, "night-1")

    assert pushed["approval"] == {
        "approved": True,
        "by": "jane",
        "calls": 20,
        "cost": {"at_most": "2.00", "currency": "EUR"},
    }
    assert run.counts["reads"] == sandbox.books()["billed"] == 20
    assert (run.report["approval"]["approved"], run.report["approval"]["by"]) == (True, "jane")


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("by", "said"), [(JANE, "Not approved, by jane"), (None, "since nobody answered in time")])
def test_a_no_or_the_deadline_reads_nothing_in_a_green_run_and_frees_the_calls_at_once(
    stage: BatchStage, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, by: Any, said: str
) -> None:
    caplog.set_level(logging.INFO)
    run = BatchRun()
    stage.plan(run, "night-1")
    task = ask(stage, run)
    assert released(stage) == 0

    run.shards = answer(stage, task, REJECT, by)
    assert (run.shards, released(stage)) == ([], 1)
    stage.read(run, "night-1")
    stage.export(run, "night-1")

    assert run.error is None
    assert (run.counts["not_approved"], run.counts["planned"], run.counts["to_pay"]) == (1, 20, 20)
    assert not is_news(run.counts)
    assert said in caplog.text
    assert "nothing read. 20 images stay new." in caplog.text
    assert sandbox.books()["posts"] == 0
    assert not stage.dataset.exists()

    later = stage.run("night-2")

    assert (later.counts["reads"], sandbox.books()["billed"]) == (20, 20)


def test_an_answer_counts_for_the_plan_that_was_asked_about_and_for_no_other(
    stage: BatchStage, sandbox: Sandbox, asked: Asked
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=6)
    ask(stage, run)
    stage.plan(run, "night-1")  # cleared by itself while the question stands

    with pytest.raises(AirflowFailException, match="The plan was made again after a person was asked"):
        answer(stage, task_of(stage, run, approve_above_calls=5), APPROVE)
    again = ask(stage, run)

    assert [question.subject for question in asked] == ["Pay for up to 6 calls?", "Pay for up to 20 calls?"]
    assert len(answer(stage, again, APPROVE)) == 1
    assert sandbox.books()["posts"] == 0


def test_reads_that_are_cleared_after_their_export_pay_no_more_than_was_approved(
    stage: BatchStage, sandbox: Sandbox, asked: Asked
) -> None:
    """Of 20 images 8 may be paid for; one call fails for good, so 7 are; then the day's limit is over, and lifted."""
    sandbox.control(faults=["nth=3:400"])
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=8)
    run.shards = answer(stage, ask(stage, run), APPROVE)
    for shard in run.shards:
        shard["grant"]["limits"]["daily_limit"] = None  # as it would be on another day
    stage.read(run, "night-1")
    stage.export(run, "night-1")
    billed = sandbox.books()["billed"]
    assert billed <= 8

    for number in (2, 3):
        stage.read(run, "night-1", try_number=number)
        stage.export(run, "night-1")

    assert len(asked) == 1
    assert sandbox.books()["billed"] == billed
    assert run.counts["carried_over"] == 20 - 8


def test_what_was_approved_and_not_drawn_is_still_there_after_a_quota_that_ended(
    stage: BatchStage, sandbox: Sandbox, asked: Asked
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", images_per_shard=5)
    run.shards = answer(stage, ask(stage, run), APPROVE)
    first, rest = run.shards[:1], run.shards[1:]
    run.shards = first
    stage.read(run, "night-1")
    stage.export(run, "night-1")  # a person marked the others failed, say
    assert sandbox.books()["billed"] == 5

    run.shards = rest
    stage.read(run, "night-1", try_number=2)
    run.shards = first + rest
    stage.export(run, "night-1")

    assert run.counts["reads"] == sandbox.books()["billed"] == 20
    assert len(asked) == 1


def make_old(stage: BatchStage, days: int = 1) -> None:
    """Have what is reserved be of an earlier day."""
    for path in (stage.root / "ledger" / FOLDER).rglob("*.reserved"):
        record = unpack(path.read_bytes()) or {}
        at = format_timestamp(datetime.now(UTC) - timedelta(days=days))
        path.write_bytes(pack(record | {"at": at}))


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("held", "billed"), [(8, 0), (5, 3), (0, 8)])
def test_a_yes_on_a_later_day_pays_only_what_the_limits_of_that_day_leave_and_never_more_than_was_approved(
    stage: BatchStage, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, held: int, billed: int
) -> None:
    run, other = BatchRun(), BatchRun()
    stage.plan(run, "night-1", daily_limit=8)
    task = ask(stage, run)
    make_old(stage)
    stage.plan(other, "night-2", daily_limit=held)  # which holds that much of today

    run.shards = answer(stage, task, APPROVE)
    stage.read(run, "night-1")
    stage.export(run, "night-1")

    assert "The plan's figures are not of today" in caplog.text
    assert sandbox.books()["billed"] == billed
    assert (run.counts["reads"], run.counts["carried_over"]) == (billed, 20 - billed)


@pytest.mark.usefixtures("asked")
def test_a_yes_in_another_period_of_the_account_releases_the_former_ones_reservation(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=8)
    task = ask(stage, run)
    (book,) = (each.parent for each in (stage.root / "ledger" / FOLDER).rglob("*.reserved"))
    book.rename(book.with_name("until-2026-01-01"))
    for shard in task.shards:
        shard["grant"]["period"] = "until-2026-01-01"

    run.shards = answer(stage, task, APPROVE)
    assert released(stage) == 1
    stage.read(run, "night-1")

    assert sandbox.books()["billed"] == 8


@pytest.mark.usefixtures("asked")
def test_a_yes_of_the_same_day_keeps_the_reservation(stage: BatchStage) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=8)

    answer(stage, ask(stage, run), APPROVE)

    assert released(stage) == 0


@pytest.mark.usefixtures("asked")
def test_another_token_pays_nothing_under_an_approval(stage: BatchStage, sandbox: Sandbox) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")
    run.shards = answer(stage, ask(stage, run), APPROVE)
    for shard in run.shards:
        shard["grant"]["account"] = "another"

    stage.read(run, "night-1")

    assert sandbox.books()["posts"] == 0


def test_a_limit_of_costs_without_a_price_stops_the_run(stage: BatchStage, asked: Asked) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")

    with pytest.raises(OCRConfigError, match="the connection does not say what calls cost"):
        task_of(stage, run, approve_above_cost=5).execute(context_of(stage))

    assert asked == []


@pytest.mark.parametrize("given", [{"plan_only": True}, {"daily_limit": 0}])
def test_a_plan_that_pays_for_nothing_asks_nobody(stage: BatchStage, asked: Asked, given: dict[str, Any]) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", **given)

    assert task_of(stage, run, approve_above_calls=0).execute(context_of(stage)) == [
        shard | {"grant": shard["grant"] | {"bound": True}} for shard in run.shards
    ]
    assert asked == []


def test_the_plans_of_a_mapped_one_are_one_question(stage: BatchStage, asked: Asked) -> None:
    one, two = BatchRun(), BatchRun()
    stage.plan(one, "night-1", daily_limit=3)
    other = connected_other(stage)
    other.plan(two, "night-1")

    task = OCRApproveOperator(
        task_id="approve",
        shards=[one.shards, two.shards],
        plan=[one.plan, two.plan],
        conn_id=stage.conn_id,
        approve_above_calls=0,
    )
    people.ask(task, context_of(stage))
    found = answer(stage, task, APPROVE)

    assert [question.subject for question in asked] == ["Pay for up to 7 calls?"]
    assert [(shard["images"], shard["grant"]["bound"]) for shard in found] == [(20, True), (4, True)]


def connected_other(stage: BatchStage) -> BatchStage:
    other = BatchStage.over(stage.root / "other", images=4, seed=3)
    other.dag_id = "other"
    return other


def test_only_counts_of_a_plan_are_taken(stage: BatchStage) -> None:
    with pytest.raises(OCRConfigError, match="plan must be the counts of the plan"):
        OCRApproveOperator(task_id="approve", shards=[], plan=["x"], approve_above_calls=1).execute(context_of(stage))


def group(**given: Any) -> OCRManifestTaskGroup:
    with DAG("yard", schedule=None):
        return OCRManifestTaskGroup("ocr", manifest="/yard/m.csv", dataset="/reads", **given)


def test_the_task_stands_between_plan_and_read_only_where_a_limit_was_given() -> None:
    made = group(approve_above_calls="{{ params.most }}", approve_within=timedelta(hours=8), retries=2)
    assert made.approve is not None

    assert made.approve.upstream_task_ids == {"ocr.plan"}
    assert made.approve.downstream_task_ids == {"ocr.read", "ocr.planned"}
    assert made.read.upstream_task_ids == {"ocr.approve"}
    assert (made.approve.approve_above_calls, made.approve.retries) == ("{{ params.most }}", 2)
    assert made.approve.response_timeout == timedelta(hours=8)
    assert group().approve is None
    assert "ocr.approve" not in {task.task_id for task in group().plan.dag.tasks}


def test_an_airflow_without_such_a_task_says_so_where_the_argument_is_given(tmp_path: Path) -> None:
    missing: type[Any] = human_operator(home="airflow.providers.standard.operators.nowhere")

    assert missing is NoHumanOperator
    with pytest.raises(AirflowException, match=r"came with 3\.1 .* Leave approve_above_calls out; use daily_limit"):
        require_people("approve_above_calls", "use daily_limit", missing)
    task = missing(task_id="ask", subject="?", options=["x"], notifiers=[])
    with pytest.raises(AirflowFailException, match="has no task that waits for a person"):
        task.execute(context_of(BatchStage(tmp_path)))
    require_people("approve_above_calls", "use daily_limit")


def test_before_retry_policies_the_task_takes_one_all_the_same() -> None:
    older = human_operator(of=SimpleNamespace())
    policy = object()

    task: Any = older(task_id="approve", subject="?", options=["x"], retry_policy=policy)

    assert isinstance(task, BaseOperator)
    assert task.retry_policy is policy


class OlderBase(BaseOperator):
    """As the standard provider before 1.12.3, which took the task's timeout for the deadline of an answer."""

    def __init__(self, *, subject: str, options: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.subject, self.options = subject, options


@pytest.mark.parametrize("within", [timedelta(hours=2), None])
@pytest.mark.parametrize("of", [SimpleNamespace(), SimpleNamespace(RetryPolicy=object)])
def test_where_an_answer_has_no_deadline_of_its_own_that_of_the_task_is_it(
    within: timedelta | None, of: SimpleNamespace
) -> None:
    older: Any = human_operator(of=of, base=OlderBase)

    task = older(task_id="approve", subject="?", options=["x"], response_timeout=within)

    assert (task.response_timeout, task.execution_timeout) == (within, within)
    assert isinstance(task, OlderBase)


def test_the_answer_is_kept_beside_the_plan(stage: BatchStage, asked: Asked) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")
    task = ask(stage, run)
    (note,) = stage.root.glob("reads_workspace/*/approval.json")
    before = json.loads(note.read_text())

    answer(stage, task, REJECT, None)

    assert (before["calls"], before["approved"], len(asked)) == (20, None, 1)
    after = json.loads(note.read_text())
    assert (after["approved"], after["by"], after["asked_at"]) == (False, "", before["asked_at"])
