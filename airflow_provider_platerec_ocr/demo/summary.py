"""What the demo shows at its end: each read beside its truth, what it cost, and how to open the table."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.analysis.command import main as analysis
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.demo.home import DemoError

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.demo.home import DemoHome


HOW_SURE = """
How sure that is, as `analysis accuracy` says of any table and any truth file:"""


@dataclass(frozen=True, slots=True)
class Line:
    """One sample image."""

    image: str
    type: str
    truth: str
    read: str

    @property
    def exact(self) -> bool:
        """Whether the code was read as it is."""
        return self.read == self.truth


def compare(home: DemoHome) -> list[Line]:
    """Return each sample's truth beside what the table says."""
    found: dict[str, str] = {}
    if home.dataset.exists():
        for row in read_dataset(str(home.dataset)).to_dict("records"):
            found.setdefault(str(row["filename"]), str(row["code_normalized"] or row["code"] or ""))
    with (home.samples / "truth.csv").open(newline="") as file:
        return [
            Line(row["image"], row["type"], row["truth"], found.get(row["image"], "")) for row in csv.DictReader(file)
        ]


def planned(home: DemoHome, *, since: float) -> str:
    """Return what the plan of this run said, from the report that the export wrote after ``since`` (epoch seconds)."""
    reports = [path for path in home.reports.glob("*.json") if path.stat().st_mtime >= since]
    if not reports:
        message = f"The DAG run published nothing; see {home.log('dag')}."
        raise DemoError(message)
    report = json.loads(max(reports, key=lambda path: path.stat().st_mtime).read_text())
    return " ".join(report["summary"][1:3])


def table(lines: list[Line]) -> str:
    """Return the comparison as text columns."""
    rows = [("image", "type", "truth", "read", "")]
    rows += [(line.image, line.type, line.truth, line.read or "-", "=" if line.exact else "differs") for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([shown[0], "  ".join("-" * width for width in widths), *shown[1:]])


def accuracy(home: DemoHome) -> None:
    """Print how many reads are right, by kind, and where to draw the line: the command's own answer."""
    analysis(["accuracy", str(home.dataset), str(home.samples / "truth.csv")])


def closing(home: DemoHome, lines: list[Line], books: dict[str, Any], plan: str) -> str:
    """Return the last lines: how many are exact, what it cost, where the table is."""
    exact = sum(line.exact for line in lines)
    read = sum(bool(line.read) for line in lines)
    billed = int(books["billed"])
    bill = f"{count_of(billed, 'call')} billed" + (
        "" if billed else ": what was paid for before was not paid for again"
    )
    images = f"{count_of(len(lines), 'sample image')} {agree(read, 'is', 'are')}"
    path = home.dataset.relative_to(home.clone)
    return f"""
{read} of {images} in the table, {exact} read exactly as a person would.
Plan: {plan}
This run: {bill}.

The table is at {path} (Parquet, Hive partitions type=…/date=…). Open it with
  .venv/bin/python -c "from airflow_provider_platerec_ocr.dataset import read_dataset; print(read_dataset('{path}'))"
  duckdb -c "FROM '{path}/**/*.parquet'"
Run `make demo` again: nothing is planned and nothing is billed. `make up` opens the same in Airflow's web UI."""
