"""The command ``plan``: what a run over a manifest would read and cost, by the plan task's own code and rules.

It is the task with ``plan_only``: it asks the free statistics, pays nothing and writes nothing.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.account.connected import hook_of, takes_account
from airflow_provider_platerec_ocr.cli.account.opening import parser_of, run
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.saying.choices import OnEmpty, WithoutStatistics
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.tasks import plan as task

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock

_ABOUT = """\
Tell what a run over a manifest would read and what that would cost: the plan task's own rules, with plan_only. The
free statistics are asked; nothing is paid, written, or reserved."""
_EXAMPLES = """\
  %(prog)s /srv/yard/tonight.csv --dataset /srv/reads
  %(prog)s s3://aws_default@bucket/yard/ --dataset s3://aws_default@bucket/reads --type trailer_id --reserve 2000
  %(prog)s /srv/yard --dataset /srv/reads --daily-limit 500 --output json"""
_TEXTS = {
    "type": "what to read off images whose row names no type (default: vin)",
    "dead_letters": "folder of the dead letters (default: DATASET_dead_letters)",
    "workspace": "folder of the workspaces (default: DATASET_workspace)",
    "new_ledger": "true, or the id of a ledger: it is meant, although the dataset was read with another one",
    "reserve": "calls that the run must leave to others",
    "daily_limit": "most calls that the account may make a day (UTC)",
    "images_per_shard": "most images that one task reads",
    "max_bad_rows": "most rows that may be bad: a number, or a share such as 10%%",
    "manifest_columns": "the manifest's own columns that come along: names divided by commas, or *",
    "identity_params": "names of parameters of URLs that say which image it is, divided by commas",
    "timezone": "IANA name of the zone of times that do not say theirs",
    "partition_date": "YYYY-MM-DD, the partition that the rows go to",
}
_LISTS = {
    "allowed_roots": "folder that the manifest may name files in",
    "include": "pattern of which one must name an image",
    "exclude": "pattern of what is left out",
}
_FLAGS = {
    "pace": "spread what is left of the period over its remaining nights",
    "retry_rejected": "plan images with a permanent dead letter again",
}
_CHOICES = {"on_empty": OnEmpty, "without_statistics": WithoutStatistics}
_KEYS = (
    "manifest",
    "rows",
    "bad_rows",
    "duplicates",
    "done",
    "planned",
    "to_pay",
    "left_over",
    "limit_reason",
    "shards",
    "left_aside",
    "would_fail",
    "would_stop",
)


def main(words: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = "plan") -> int:
    """Run the command and return its exit code."""
    return run(parser(prog), _plan, words, clock)


def parser(prog: str = "plan") -> argparse.ArgumentParser:
    """Return the command's parser: the plan operator's arguments as options."""
    made = parser_of(prog, _ABOUT, _EXAMPLES, "a run would fail or stop")
    made.add_argument("manifest", metavar="MANIFEST", help="the images: a table, a text file, a folder, or a glob")
    made.add_argument("--dataset", required=True, help="folder of the published table, which need not be there yet")
    takes_account(made)
    for name, about in _TEXTS.items():
        made.add_argument(_option(name), help=about)
    for name, about in _LISTS.items():
        made.add_argument(_option(name), action="append", help=f"{about}; may be given several times")
    for name, about in _FLAGS.items():
        made.add_argument(_option(name), action="store_true", default=None, help=about)
    made.add_argument(
        "--no-recursive", dest="recursive", action="store_false", default=None, help="leave out a folder's subfolders"
    )
    for name, kind in _CHOICES.items():
        made.add_argument(_option(name), choices=[each.value for each in kind], help="as the plan operator's argument")
    return made


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _plan(given: argparse.Namespace, clock: Clock) -> int:
    names = ("manifest", "dataset", "conn_id", "ledger", "recursive", *_TEXTS, *_LISTS, *_FLAGS, *_CHOICES)
    refuse_empty(given, *(name for name in names if name not in _LISTS and name != "recursive"))
    arguments = {name: value for name in names if (value := getattr(given, name)) is not None}
    hook_of(given.conn_id)
    operator = OCRPlanOperator(task_id="plan", plan_only=True, **arguments)
    stand_in = StandInTask(clock.now())
    with overheard() as lines, working("Reading the manifest and the table"):
        task.run(operator, stand_in.context())
    counts: dict[str, Any] = stand_in.pushed["plan"]
    with Output(given.output) as out:
        for line in lines:
            out.say(line)
        out.put(dataset=given.dataset, **{name: counts.get(name) for name in _KEYS}, cost=counts.get("cost"))
        out.put(summary=lines)
    return FINDINGS if counts.get("would_fail") or counts.get("would_stop") else FINE


@dataclass(slots=True)
class StandInTask:
    """As much of a running task as planning asks for, outside of Airflow."""

    now: datetime
    """When it is planned."""
    dag_id: str = "a_dry_run"
    run_id: str = ""
    task_id: str = "plan"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    data_interval_start: None = None
    data_interval_end: None = None
    logical_date: None = None
    conf: dict[str, Any] = field(default_factory=dict)
    pushed: dict[str, Any] = field(default_factory=dict)
    """What it gave to XCom, by key."""

    def __post_init__(self) -> None:
        """Give the run a name that no other has."""
        self.run_id = self.run_id or f"dry_run__{self.now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    @property
    def run_after(self) -> datetime:
        """When the run may begin: now."""
        return self.now

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what the task tells others."""
        self.pushed[key] = value

    def context(self) -> Any:
        """Return what Airflow calls a context."""
        return {"ti": self, "dag_run": self, "run_id": self.run_id}


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Return the lines that our own code logs within the block, which go nowhere else."""
    logger, lines = logging.getLogger("airflow_provider_platerec_ocr"), []
    handler, before = logging.Handler(), (logger.level, logger.propagate)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # one line of a handler
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
