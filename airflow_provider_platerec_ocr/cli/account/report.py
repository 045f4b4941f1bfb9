"""The command ``report``: what one run did and what it cost, in the sentences of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.cli.account.opening import parser_of, run
from airflow_provider_platerec_ocr.cli.account.reports import LAST, report_of, reports_place
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import Output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock

_ABOUT = """\
Tell what one run did and what it cost, in the sentences of its report. With --output json: the whole report."""
_EXAMPLES = """\
  %(prog)s --dataset /srv/reads
  %(prog)s scheduled__2026-03-01T22:00:00+00:00 --dataset /srv/reads
  %(prog)s /srv/reads_reports/nightly.json --output json"""


def main(words: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = "report") -> int:
    """Run the command and return its exit code."""
    return run(parser(prog), _report, words, clock)


def parser(prog: str = "report") -> argparse.ArgumentParser:
    """Return the command's parser."""
    made = parser_of(prog, _ABOUT, _EXAMPLES, "the run is not whole")
    about = "run id, or path or URI of its report or of the page beside it (default: the newest run)"
    made.add_argument("run", metavar="RUN", nargs="?", default=LAST, help=about)
    made.add_argument("--dataset", help="the dataset's folder, where RUN is no path")
    made.add_argument("--reports", help="folder of the reports (default: DATASET_reports)")
    return made


def _report(given: argparse.Namespace, _clock: Clock) -> int:
    refuse_empty(given, "run", "dataset", "reports")
    folder = reports_place(given.dataset or "", given.reports) if given.dataset or given.reports else None
    found = report_of(given.run, folder)
    data = found.data
    with Output(given.output) as out:
        out.say(f"{data['run_id']} of {data.get('dag_id')}, {data.get('date')}")
        for line in data.get("summary") or ():
            out.say(f"  {line}")
        out.say(f"  The report is at {found.place}.")
        out.put(**data)
    return FINE if data.get("whole") else FINDINGS
