"""The page's tables and pictures, line by line, each that is about one image with its mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.images.page_marks import mark_of
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of
from airflow_provider_platerec_ocr.dataset.figures.model import BINS, DOUBTFUL_BELOW
from airflow_provider_platerec_ocr.dataset.report_page import charts, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

    from airflow_provider_platerec_ocr.dataset.figures.model import Doubtful, Figures, Letter, SlowCall, Spread

ENOUGH_CHECKS = 20
"""Check digits from which on a camera's share says something."""
WORST_CAMERAS = 12
"""Cameras whose check digits are shown by themselves."""
_WEAK = round(DOUBTFUL_BELOW * BINS)
NO_CAMERA = "no camera named"
MEANING = {
    Reason.ROW_INVALID: "The manifest's row cannot be used. Correct it there.",
    Reason.IMAGE_MISSING: "There was no such file. The next run looks again.",
    Reason.IMAGE_EMPTY: "The file has no bytes. Copy it again.",
    Reason.IMAGE_NOT_AN_IMAGE: "The file is not an image. Replace it, or take it out of the manifest.",
    Reason.IMAGE_TRUNCATED: "The image stops in the middle. Copy it again.",
    Reason.IMAGE_TOO_LARGE: "Over the upload limit. Set shrink, or lower the camera's quality.",
    Reason.IMAGE_OUTSIDE_ROOTS: "The path leads out of the allowed roots. Add its folder to them.",
    Reason.IMAGE_UNREADABLE: "The storage did not hand it out. Check that the workers may read it.",
    Reason.API_REJECTED: "The API cannot read this image. It is not sent again.",
    Reason.URL_NOT_FETCHED: "The API could not fetch the URL. The next run tries it again.",
    Reason.API_UNAVAILABLE: "The API refused it over and over. The next run tries it again.",
    Reason.IN_DOUBT: "A call may have been billed and its answer was lost.",
    Reason.IN_DOUBT_TWICE: "Two calls may have been billed. It waits until a person settles it.",
}
"""What each reason of a dead letter means, in a sentence or two."""


@dataclass(frozen=True, slots=True)
class SpreadLine:
    """One line of the table of confidence, or of that of check digits."""

    name: str
    of_camera: bool
    codes: str
    median: str
    below: str
    chart: Markup
    checked: str
    wrong: str
    wrong_share: str
    wrong_chart: Markup


@dataclass(frozen=True, slots=True)
class Picture:
    """A doubtful read with its picture, where there is one."""

    mark: str
    code: str
    why: str
    name: str
    where: str
    alt: str
    source: str = ""
    """``data:`` URI; empty for none."""


def ordered(figures: Figures) -> list[tuple[Spread, bool]]:
    """Return each type, and after it its cameras; one that has only one camera, or none named, stands by itself."""
    found: list[tuple[Spread, bool]] = []
    for kind in figures.types:
        cameras = [each for each in figures.cameras if each.type == kind.type]
        found.append((kind, False))
        found += [(each, True) for each in cameras] if len(cameras) > 1 or any(each.camera for each in cameras) else []
    return found


def spread(one: Spread, *, of_camera: bool) -> SpreadLine:
    """Return one line of both tables."""
    name = (one.camera or NO_CAMERA) if of_camera else one.type
    known = sum(one.bins)
    label = (
        f"Confidence of {count_of(known, 'code')}: half above {words.confidence(one.median)}, "
        f"{words.share(one.below, known)} below {DOUBTFUL_BELOW:.2f}"
    )
    return SpreadLine(
        name=name,
        of_camera=of_camera,
        codes=words.number(one.codes),
        median=words.confidence(one.median),
        below=words.share(one.below, known),
        chart=charts.histogram(one.bins, _WEAK, label),
        checked=words.number(one.checked),
        wrong=words.number(one.failed),
        wrong_share=words.share(one.failed, one.checked),
        wrong_chart=charts.share_bar(
            one.failed / one.checked if one.checked else 0.0,
            f"{words.share(one.failed, one.checked)} of the check digits are wrong",
        ),
    )


def checks(figures: Figures) -> list[SpreadLine]:
    """Return the types that have check digits, and the cameras whose fail most often."""
    types = [spread(each, of_camera=False) for each in figures.types if each.checked]
    enough = [each for each in figures.cameras if each.checked >= ENOUGH_CHECKS and each.failed and each.camera]
    enough.sort(key=lambda each: (-each.failed / each.checked, -each.checked))
    return types + [spread(each, of_camera=True) for each in enough[:WORST_CAMERAS]]


def checks_words(figures: Figures) -> str:
    """Return the share of check digits that fail, as a sentence."""
    if not figures.checked:
        return "No code of this run has a check digit."
    if not figures.failed:
        return f"Of {count_of(figures.checked, 'code')} with a check digit, none fails it."
    checked, fails = count_of(figures.checked, "code"), agree(figures.checked, "fails", "fail")
    return (
        f"{words.share(figures.failed, figures.checked)} of {checked} with a check digit {fails} it: "
        f"{words.number(figures.failed)}. Such a code was misread, or is wrong on the vehicle."
    )


def call(place: int, slow: SlowCall) -> dict[str, str]:
    """Return one of the slowest calls."""
    mark = mark_of(image=slow.image, version=slow.image_version, fingerprint=slow.fingerprint)
    shown = {"place": str(place), "seconds": f"{slow.seconds:.1f} s", "type": slow.type, "row": str(slow.row)}
    return shown | {"mark": mark, "image": redact(slow.image)}


def calls_words(figures: Figures) -> str:
    """Return how long calls took, as a sentence."""
    calls = figures.calls
    if not calls.timed:
        return "No call of this run was timed."
    return (
        f"Timed: {count_of(calls.timed, 'call')}. Half took less than {words.seconds(calls.median_s)}, "
        f"and 95 in 100 less than {words.seconds(calls.p95_s)}."
    )


def reasons(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the reasons of the dead letters, most first."""
    letters: Mapping[str, int] = report["result"]["dead_letters"]
    ranked = sorted(letters.items(), key=lambda each: (-each[1], each[0]))
    meanings: Mapping[str, str] = {reason.value: text for reason, text in MEANING.items()}
    return [
        {"reason": name, "number": words.number(count), "meaning": meanings.get(name, "")} for name, count in ranked
    ]


def letter(one: Letter) -> dict[str, str]:
    """Return one dead letter."""
    mark = mark_of(image=one.image, version=one.image_version, fingerprint=one.fingerprint)
    return {
        "mark": mark,
        "reason": one.reason,
        "image": redact(one.image) if one.image else words.NOTHING,
        "row": words.NOTHING if one.row is None else str(one.row),
        "message": redact(one.message or ""),
        "again": "no" if one.permanent else "yes",
    }


def picture(read: Doubtful, source: str) -> Picture:
    """Return a doubtful read with its picture, a ``data:`` URI or nothing."""
    codes = (read.code, read.code_normalized)
    mark = mark_of(
        image=read.image, version=read.image_version, fingerprint=read.fingerprint, name=read.image_name, codes=codes
    )
    name = redact(read.image_name).rstrip("/").rpartition("/")[2] or redact(read.image_name)
    where = [read.type, read.camera or NO_CAMERA, "" if read.row is None else f"row {read.row}"]
    return Picture(
        mark=mark,
        code=read.code or "no code",
        why=", ".join(read.why),
        name=redact(read.image_name),
        where=", ".join(filter(None, where)),
        alt=f"The photograph {name}, read as {read.code or 'nothing'}",
        source=source,
    )
