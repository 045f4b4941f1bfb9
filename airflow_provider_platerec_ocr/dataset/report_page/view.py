"""What the page shows, worked out of a run's report, its figures and the nights before: texts and charts, no markup.

The report is what lies beside the page as JSON, so the two never say different things.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.figures.model import DOUBTFUL_BELOW
from airflow_provider_platerec_ocr.dataset.report.nights import Night, night_from
from airflow_provider_platerec_ocr.dataset.report_page import charts, lines, words
from airflow_provider_platerec_ocr.dataset.report_page.changes import changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from airflow_provider_platerec_ocr.dataset.figures.model import Figures
    from airflow_provider_platerec_ocr.dataset.report_page.accuracy import Accuracy
    from airflow_provider_platerec_ocr.dataset.report_page.changes import ChangedFigure

SHOWN_NIGHTS = 10
"""Nights in the table; the chart has all there are."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure at the top."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    """``bad`` where it wants somebody's eyes."""


@dataclass(frozen=True, slots=True)
class View:
    """The whole page."""

    title: str
    report: Mapping[str, Any]
    verdict: str
    whole: bool
    tiles: Sequence[Tile]
    sentences: Sequence[str]
    changes: Sequence[ChangedFigure]
    nights: Sequence[Mapping[str, str]]
    nights_chart: Markup
    confidence: Sequence[lines.SpreadLine]
    checks: Sequence[lines.SpreadLine]
    checks_words: str
    calls: Sequence[Mapping[str, str]]
    calls_words: str
    reasons: Sequence[Mapping[str, str]]
    letters: Sequence[Mapping[str, str]]
    left_out_words: str
    pictures: Sequence[lines.Picture]
    doubts_words: str
    why_no_pictures: str
    doubtful_below: str = f"{DOUBTFUL_BELOW:.2f}"
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)
    accuracy: Accuracy | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What a page is made of."""

    name: str
    """Name of the report, without ending."""
    report: Mapping[str, Any]
    """The run's report, as its JSON is."""
    figures: Figures
    """What was counted while the run was published."""
    nights: Sequence[Night] = ()
    """Runs of the dataset, newest first, this one perhaps among them."""
    pictures: Mapping[int, str] = field(default_factory=dict)
    """``data:`` URIs by the place of a doubtful read in ``figures.doubtful``."""
    why_no_pictures: str = ""
    """A sentence, where there are none."""
    accuracy: Accuracy | None = None
    """How sure the codes are, where persons looked at some."""


def view_of(material: Material) -> View:
    """Return what the page shows."""
    report, figures = material.report, material.figures
    tonight = night_from(material.name, report) or Night(material.name, "", "")
    before = [each for each in material.nights if each.run != tonight.run]
    shown = [tonight, *before]
    letters = [lines.letter(each) for each in figures.letters]
    return View(
        title=f"OCR run of {report['date']}",
        report=report,
        verdict=_verdict(report),
        whole=bool(report.get("whole")),
        tiles=_tiles(report, tonight),
        sentences=[redact(str(each)) for each in report.get("summary") or ()],
        changes=changes(tonight, before),
        nights=[_night(each) for each in shown[:SHOWN_NIGHTS]],
        nights_chart=_nights_chart(shown[::-1]),
        confidence=[lines.spread(each, of_camera=camera) for each, camera in lines.ordered(figures)],
        checks=lines.checks(figures),
        checks_words=lines.checks_words(figures),
        calls=[lines.call(place, each) for place, each in enumerate(figures.calls.slowest, start=1)],
        calls_words=lines.calls_words(figures),
        reasons=lines.reasons(report),
        letters=letters,
        left_out_words=_left_out(sum(report["result"]["dead_letters"].values()) - len(letters)),
        pictures=[lines.picture(each, material.pictures.get(place, "")) for place, each in enumerate(figures.doubtful)],
        doubts_words=_doubts(figures),
        why_no_pictures=material.why_no_pictures,
        facts=_facts(report),
        accuracy=material.accuracy,
    )


def _verdict(report: Mapping[str, Any]) -> str:
    result = report["result"]
    if result.get("missing"):
        return f"Not whole: {count_of(result['missing'], 'planned image')} without an outcome."
    if result.get("carried_over"):
        return f"Not whole: {count_of(result['carried_over'], 'image')} carried over to the next run."
    if not result.get("planned") and not result.get("dead_letters"):
        return "Nothing was planned, so nothing was read."
    return "Whole: every planned image has an outcome."


def _price(report: Mapping[str, Any]) -> Price | None:
    try:
        return Price.from_json(report.get("price"))
    except OCRConfigError:
        return None


def _tiles(report: Mapping[str, Any], tonight: Night) -> list[Tile]:
    result, spend, price = report["result"], report.get("spend") or {}, _price(report)
    billed, saved, letters = result["calls_billed"], result["from_ledger"], sum(result["dead_letters"].values())
    found = []
    if price is not None:
        rate = f"{count_of(billed, 'call')} at {price.per_1000:f} {price.currency} for 1,000"
        found += [Tile("Cost", price.say(billed), rate), Tile("Saved by the ledger", price.say(saved))]
    found += [
        Tile("Images read", words.number(result["reads"]), f"of {words.number(result['planned'])} planned"),
        Tile("Calls billed", words.number(billed)),
        Tile("Answered by the ledger", words.number(saved), "already paid for"),
        Tile("Rows written", words.number(result["rows"]), f"{result['nothing_found']:,} without a code"),
        _bad("Dead letters", letters, "see below"),
        _bad("In doubt", result["in_doubt"], "perhaps billed, no answer"),
        _bad("Carried over", result["carried_over"], "to the next run"),
        Tile("Time taken", words.seconds(tonight.seconds), _against_limit(tonight)),
    ]
    if spend.get("calls_left") is not None:
        of = f"of {words.number(spend['total_calls'])} in this period"
        found.append(Tile("Calls left", words.number(spend["calls_left"]), of))
    return found


def _bad(label: str, number: int, note: str) -> Tile:
    return Tile(label, words.number(number), note if number else "", "bad" if number else "")


def _against_limit(night: Night) -> str:
    if night.limit_s is None:
        return ""
    return f"at least {words.seconds(night.limit_s)} at the account's rate"


def _night(night: Night) -> dict[str, str]:
    return {
        "date": night.date or words.NOTHING,
        "images": words.number(night.images),
        "billed": words.number(night.billed),
        "from_ledger": words.number(night.from_ledger),
        "in_doubt": words.number(night.in_doubt),
        "dead_letters": words.number(night.dead_letters),
        "checks": words.percent(night.failed_share),
        "seconds": words.seconds(night.seconds),
        "cost": night.price.say(night.billed) if night.price and night.billed is not None else words.NOTHING,
        "whole": {True: "yes", False: "no", None: words.NOTHING}[night.whole],
    }


def _nights_chart(nights: Sequence[Night]) -> Markup:
    columns = [(each.billed or 0, each.from_ledger or 0, each.dead_letters or 0) for each in nights]
    label = (
        f"The last {count_of(len(columns), 'night')}, oldest first: calls billed, reads from the ledger, dead letters"
    )
    return charts.nights(columns, ("billed", "ledger", "letters"), label)


def _left_out(number: int) -> str:
    if number <= 0:
        return ""
    return f"{count_of(number, 'dead letter')} {'is' if number == 1 else 'are'} not shown here."


def _doubts(figures: Figures) -> str:
    shown = len(figures.doubtful)
    why = f"a check digit that fails, a confidence below {DOUBTFUL_BELOW:.2f}, or several codes on one image"
    which = "all of them" if shown >= figures.doubts else f"the {shown:,} that need it most"
    return f"{count_of(figures.doubts, 'read')} with {why}. Here are {which}."


def _facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    ledger = report.get("ledger") or {}
    found = [
        ("DAG", report["dag_id"]),
        ("Run", report["run_id"]),
        ("Day", report["date"]),
        ("Manifest", redact(report.get("manifest") or "")),
        ("Ledger", redact(str(ledger.get("place") or ""))),
        ("Approval", _approval(report.get("approval"))),
        ("Written", report["written_at"]),
    ]
    return [(name, str(value)) for name, value in found if value]


def _approval(said: Any) -> str:
    """Return who approved of how many calls, and when; nothing where nobody was asked."""
    if not isinstance(said, dict) or not isinstance(said.get("calls"), int):
        return ""
    calls = f"at most {count_of(said['calls'], 'call')}"
    if said.get("approved") is None:
        return f"asked for {calls} at {said.get('asked_at')}, and not answered"
    if said["approved"] is False:
        return f"{said.get('by') or 'nobody'} did not approve of {calls}"
    return f"{said.get('by') or 'somebody'} approved of {calls} at {said.get('answered_at')}"
