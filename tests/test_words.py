"""What people read is right English: no text of the product can say "1 calls", and none says *free* for what is left.

One test looks at the source, so that it holds for texts that no test ever makes; another makes those that say most, for
none, one and two of everything.
"""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRStop
from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.core.spending.budget import Budget, Pace
from airflow_provider_platerec_ocr.core.spending.forecast import forecast
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from airflow_provider_platerec_ocr.dataset.plan.model import Plan, ShardRef
from airflow_provider_platerec_ocr.dataset.plan.tolerance import Tolerance, too_many_bad_rows
from airflow_provider_platerec_ocr.dataset.report.account import Span
from airflow_provider_platerec_ocr.dataset.report.spend import Spend
from airflow_provider_platerec_ocr.dataset.report.tries import TrySums
from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.runtime.gate import Gate
from airflow_provider_platerec_ocr.tasks.sweep import describe as describe_sweep
from support.rooms import FILES, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 2, 22, tzinfo=UTC)
NIGHT_FAILS = Path(__file__).parents[1] / "docs" / "how-to" / "when-a-night-fails.md"

COUNTED = re.compile(
    r"accounts|answers|attempts|bytes|calls|characters|claims|codes|columns|contents|copies|dead letters|days"
    r"|doubts|duplicates|events|fields|files|folders|hours|identifiers|images|keys|ledgers|letters|lines|minutes"
    r"|more runs|more shards|nights|partitions|payloads|pods|processes|read tasks|rejections|requests|rows|runs"
    r"|seconds|shards|spilled answers|starts|tasks|tries|versions|workers"
)
PLURAL = re.compile(rf"^,? (?:(?!has|holds|but|its)[a-z-]+ )?(?:{COUNTED.pattern})\b(?!/)")
ONE_OF_MANY = rf"(?<![\d.,])1 (?:[a-z-]+ )?(?:{COUNTED.pattern})\b(?!/)|(?<![\d.,])1 [a-z ]*\b(?:are|were|have)\b"
MANY_OF_ONE = r"(?<![\d.,])[02] (?:[a-z-]+ )?(?:answer|call|day|image|letter|night|row|shard|try)\b"
PLACE = re.compile(r"(?:dataset|ledger|manifest|path|place|root)$")
"""Values that are no number."""
HOLE = "\x00"


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each text of a file with a mark where a number may stand: f-strings, and templates of log lines.

    A name in capitals is a constant, so it is never 1 by chance; what is formatted as money or as a measure
    (``:.1f``) is no count.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(_piece(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "%" in node.value:
            yield node.lineno, re.sub(r"%(?:\((?!prog)\w+\))?[sd]", HOLE, node.value)


def _piece(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    named = ast.unparse(part.value)
    measured = part.format_spec is not None and re.search(r"\.[1-9]f", ast.unparse(part.format_spec))
    return "…" if named.isupper() or PLACE.search(named) or measured else HOLE


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if "sandbox" not in path.parts],
    ids=lambda path: path.relative_to(SOURCE).as_posix(),
)
def test_no_text_puts_a_plural_behind_a_number_that_may_be_one(path: Path) -> None:
    wrong = [
        (line, text.replace(HOLE, "{}"))
        for line, text in texts_of(path)
        if any(PLURAL.match(after) for after in text.split(HOLE)[1:])
    ]

    assert wrong == [], "say it with core.saying.counts.count_of"


def test_no_page_puts_a_plural_behind_a_number_that_may_be_one() -> None:
    after_number = re.compile(rf"}}}}(?:\s|</?[a-z]+>)*(?:more |new )?(?:{COUNTED.pattern})\b(?! a second)")
    pages = [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.jinja")]
    wrong = [(page.name, line) for page in pages for line in page.read_text().splitlines() if after_number.search(line)]

    assert len(pages) > 10
    assert [(name, line) for name, line in wrong if "most_rows" not in line] == [], "say it with the filter counted"


def of(kind: Any, number: int, **more: Any) -> Any:
    """Return a frozen value that counts ``number`` of everything."""
    values = {"int": number, "float": float(number), "dict[str, int]": {"a_reason": number}}
    given = {each.name: values[each.type] for each in fields(kind) if each.type in values and each.init}
    return kind(**{**given, **more})


def said_of(number: int) -> Iterator[str]:
    """Yield what the product says where there are ``number`` of everything."""
    statistics = Statistics(number, 2 * number, resets_on=(NOW + timedelta(days=number, minutes=1)).isoformat())
    result = of(ExportResult, number, missing_images=("a.jpg",), published_by={"": number, "run": number})
    tries = of(TrySums, number, refused={"OCRUnavailable": number})
    span = Span("2026-03-01", 0, calls_now=2 * number, billed=number)
    shards = (of(ShardRef, number, path="0.jsonl"),) * number
    yield from of(Plan, number, manifest="/yard", shards=shards, own_manifest="it is made from ds").describe()
    yield from result.describe()
    for account in (span, Span("2026-03-01", number, calls_now=number, billed=number), None):
        yield from Spend(result, tries, statistics, forecast(statistics, NOW), account).describe()
    yield str(forecast(Statistics(number, number + 1, month=3, year=2026), NOW))
    yield str(forecast(Statistics(1, 1000 + number), NOW))
    progress = of(Progress, number, started_at=0.0)
    yield progress.line(1.0, rate_per_s=number, in_flight=number)
    for budget in (Budget(number), Budget(9, daily_limit=number), of(Budget, number, pace=None)):
        yield budget.reason()
    for until in (None, NOW + timedelta(days=number)):
        yield str(Pace(number, number, until))
    for gate in (Gate(min_remaining=max(1, number)), Gate(min_remaining=1, reserve=number + 1)):
        try:
            yield gate.judge(statistics, NOW).message
        except OCRStop as error:
            yield str(error)
    sweep = dict.fromkeys(("payloads", "reads", "rows", "dead_letters", "ours", "settled", "known"), number)
    yield describe_sweep(sweep)
    notes = of(ManifestNotes, number)
    notes.examples.update(dict.fromkeys(("NO_ZONE", "NO_TIME", "BACKSLASH", "HASH"), "x"))
    yield from notes.lines()
    yield str(too_many_bad_rows("/yard", number, number, Tolerance(rows=0), []))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_is_said_of_none_one_and_two_has_its_plurals(number: int) -> None:
    said = list(said_of(number))
    wrong = re.compile(ONE_OF_MANY if number == 1 else MANY_OF_ONE)

    assert len(said) > 20
    assert [line for line in said if wrong.search(line)] == []


def symptoms() -> list[str]:
    """Return the words of the log that the page about failed nights names."""
    tables = NIGHT_FAILS.read_text().partition("## Images that are missing")[0]
    first_cells = re.findall(r"(?m)^\| ([^|]+) \|", tables)
    return [words for cell in first_cells for words in re.findall(r"`([^`]+)`", cell)]


def test_what_the_page_about_failed_nights_names_is_said_by_the_code() -> None:
    spoken = "\n".join(text for path in FILES for text in constants_of(path))

    assert len(symptoms()) > 25
    assert [words for words in symptoms() if words not in spoken] == []


def constants_of(path: Path) -> Iterator[str]:
    """Yield the texts of a file, those between the values of an f-string among them."""
    tree = ast.walk(ast.parse(path.read_text()))
    return (node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str))
