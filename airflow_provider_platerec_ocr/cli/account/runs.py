"""The command ``runs``: the last runs of a dataset, one line each, from their reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.account.opening import parser_of, run
from airflow_provider_platerec_ocr.cli.account.reports import reports_place
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, at_least, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.dataset.report.nights import last_nights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.report.nights import Night
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_ABOUT = "List the last runs of a dataset, the newest first: what they planned, read, paid, and left undone."
_EXAMPLES = """\
  %(prog)s /srv/reads
  %(prog)s s3://aws_default@bucket/reads --last 30
  %(prog)s /srv/reads --output json"""
_COLUMNS = (
    ("RUN", "run_id"),
    ("DATE", "date"),
    ("PLANNED", "planned"),
    ("READS", "reads"),
    ("CALLS", "calls_billed"),
    ("FROM LEDGER", "from_ledger"),
    ("IN DOUBT", "in_doubt"),
    ("DEAD LETTERS", "dead_letters"),
    ("CARRIED OVER", "carried_over"),
    ("WHOLE", "whole"),
    ("COST", "cost"),
)
"""Heads of the table, and the keys that they show; the last only where a run has a price."""


def main(words: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = "runs") -> int:
    """Run the command and return its exit code."""
    return run(parser(prog), _runs, words, clock)


def parser(prog: str = "runs") -> argparse.ArgumentParser:
    """Return the command's parser."""
    made = parser_of(prog, _ABOUT, _EXAMPLES, "the newest run is not whole")
    made.add_argument("dataset", metavar="DATASET", help="the dataset's folder: a path or a URI")
    made.add_argument("--last", type=at_least(1), default=10, metavar="N", help="how many runs (default: %(default)s)")
    made.add_argument("--reports", help="folder of the reports (default: DATASET_reports)")
    return made


def _runs(given: argparse.Namespace, _clock: Clock) -> int:
    refuse_empty(given, "dataset", "reports")
    folder = reports_place(given.dataset, given.reports)
    with working("Reading the reports"):
        found = last_nights(folder, given.last)
    if not found:
        message = f"There is no report of a run in {folder}. Check the path, or say it with --reports."
        raise OCRInputError(message)
    rows = [row_of(each, folder) for each in found]
    columns = _COLUMNS if any(row["cost"] for row in rows) else _COLUMNS[:-1]
    with Output(given.output) as out:
        out.table([head for head, _ in columns], [[_shown(row[name]) for _, name in columns] for row in rows])
        out.put(dataset=given.dataset, reports=folder.uri, runs=rows)
    return FINE if rows[0]["whole"] else FINDINGS


def row_of(night: Night, folder: StoragePath) -> dict[str, Any]:
    """Return what is told of one run, from its report; what an older report does not say is ``None``."""
    price, billed = night.price, night.billed
    return {
        "run_id": night.run_id,
        "dag_id": night.dag_id,
        "date": night.date,
        "written_at": night.written_at,
        "whole": night.whole,
        "planned": night.images,
        "reads": night.reads,
        "calls_billed": billed,
        "from_ledger": night.from_ledger,
        "in_doubt": night.in_doubt,
        "dead_letters": night.dead_letters,
        "carried_over": night.carried_over,
        "seconds": night.seconds,
        "cost": price.say(billed) if price and billed is not None else None,
        "report": (folder / f"{night.run}.json").uri,
    }


def _shown(value: Any) -> Any:
    return {True: "yes", False: "NO"}[value] if isinstance(value, bool) else value
