"""A run's report to look at: made-up figures of a night in a yard, and small drawings in the place of photographs.

The same each time, so that its picture in the documentation changes only where the page does.
"""

from __future__ import annotations

import base64
import io
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from airflow_provider_platerec_ocr.dataset.figures.model import (
    BINS,
    Calls,
    Doubtful,
    Figures,
    Letter,
    SlowCall,
    Spread,
)
from airflow_provider_platerec_ocr.dataset.report.nights import night_from
from airflow_provider_platerec_ocr.dataset.report_page.accuracy import Accuracy, Line
from airflow_provider_platerec_ocr.dataset.report_page.charts import curves
from airflow_provider_platerec_ocr.dataset.report_page.page import page_of
from airflow_provider_platerec_ocr.dataset.report_page.view import Material
from airflow_provider_platerec_ocr.dataset.report_page.yard import YardRow, YardSection, key_of, with_section
from airflow_provider_platerec_ocr.engine.images.thumbnail import thumbnail

if TYPE_CHECKING:
    from pathlib import Path

CAMERAS = ("gate 1", "gate 2", "gate 7", "quay north, left")
CODES = ("1HGCM82633A004352", "WVWZZZ1JZXW000001", "JH4KA8260MC000000", "1FTFW1ET5DFC10312")
DOUBTS = (("wrong check digit", "confidence 0.41"), ("confidence 0.55",), ("2 codes on one image",))
READ_ON = "2026-03-29"


def write(folder: Path, *, yard: bool = False) -> Path:
    """Write the page into a folder and return where.

    :param yard: also what came later: a list that the reads were held against, and what persons decided of reads.
    """
    path = folder / "report.html"
    path.write_bytes(page_of(replace(material(), accuracy=_accuracy()) if yard else material()))
    if yard:
        path.write_text(with_section(path.read_text(), _yard()) or "")
    return path


def _accuracy() -> Accuracy:
    shares = (("91.0 %", "(84 to 95 %; 91)"), ("6.0 %", "(3 to 12 %; 6)"), ("2.0 %", "(1 to 7 %; 2)"))
    lines = [
        Line(by, name, "100", (*shares, ("1.0 %", "(0 to 5 %; 1)"))) for by, name in (("", "all"), ("type", "vin"))
    ]
    curve = curves([("ok", [(0.0, 0.0), (1.0, 0.9)]), ("bad", [(0.0, 0.09), (1.0, 0.0)])], "over the confidence")
    thresholds = [("0.80", "7.0 %", "1.2 %"), ("0.95", "100.0 %", "nothing is left")]
    return Accuracy("All codes that persons looked at.", lines, [("8", "B", "3")], thresholds, "At 0.83.", curve)


def _yard() -> YardSection:
    rows = [
        YardRow("{}", "missing", "bad", CODES[0], "", "", "", "vin make: Ford", "bay: B4; customer: Northway"),
        YardRow("{}", "ambiguous", "bad", "471B", "may be 4713, 4718", _image(1), "2026-03-29 22:10", "", "bay: B5"),
        YardRow("{}", "matched confusable", "", CODES[1], "WVWZZZ1JZXWOOOOO1; 0→O at 13", _image(2), "", "", "bay: B6"),
    ]
    tiles = [("Expected", "3", "", ""), ("Missing", "1", "", "bad")]
    return YardSection(
        key_of("yard"), "The yard: expected, seen, missing", ["Held.", "1 of 3."], tiles, rows, "And 2 more."
    )


def material() -> Material:
    """Return what the page is made of."""
    dice = random.Random(3)  # noqa: S311  # figures, not secrets
    vins = tuple(_spread(dice, "vin", camera, 9, checked=True) for camera in CAMERAS)
    trailers = tuple(_spread(dice, "trailer_id", camera, 6, checked=False) for camera in CAMERAS[:2])
    reads = tuple(_doubtful(dice, number) for number in range(8))
    figures = Figures(
        types=(_together(vins), _together(trailers)),
        cameras=vins + trailers,
        calls=Calls(3021, 24.6, 31.9, tuple(SlowCall(88.0 - 3 * n, _image(n), "v", None, "vin", n) for n in range(5))),
        doubtful=reads,
        doubts=131,
        letters=tuple(
            Letter("image_missing", "There is no such file.", _image(n), "v", None, n, permanent=False)
            for n in range(4)
        ),
    )
    nights = [
        night_from(
            f"nightly.ocr__{day}", report(f"2026-03-{day}", dice.randrange(3800, 4700), dice.randrange(380, 480), 40)
        )
        for day in range(28, 9, -1)
    ]
    tonight = report(READ_ON, 4990, 699, 231)
    pictures = {place: _drawn(dice, read.code) for place, read in enumerate(reads) if place != 5}
    return Material("nightly.ocr__29", tonight, figures, [night for night in nights if night], pictures)


def report(day: str, reads: int, seconds: int, failed: int) -> dict[str, Any]:
    """Return the JSON of a night."""
    billed = reads * 6 // 10
    return {
        "dag_id": "nightly_ocr_batch",
        "run_id": f"scheduled__{day}T22:00:00+00:00",
        "date": day,
        "written_at": f"{day}T23:12:03Z",
        "whole": True,
        "manifest": "s3://yard/2026-03/manifest.csv",
        "plan": {"planned": reads + 4},
        "result": {
            "planned": reads + 4,
            "reads": reads,
            "rows": reads + 12,
            "nothing_found": 31,
            "missing": 0,
            "calls_billed": billed,
            "from_ledger": reads - billed,
            "in_doubt": 0,
            "carried_over": 0,
            "dead_letters": {"image_missing": 4},
        },
        "spend": {"calls_left": 41_023, "total_calls": 50_000},
        "took": {"seconds": float(seconds), "limit_s": seconds * 0.98},
        "figures": {"check_digits": {"checked": reads, "failed": failed}},
        "price": {"per_1000_calls": "12.40", "currency": "EUR"},
        "ledger": {"place": "s3://lake/ocr-ledger"},
        "summary": [
            f"s3://yard/2026-03/manifest.csv has {reads + 210:,} rows.",
            f"{reads:,} images of {reads + 4:,} read, {reads + 12:,} rows.",
            f"{billed:,} calls billed, {reads - billed:,} answered by the ledger.",
        ],
    }


def _image(number: int) -> str:
    return f"/data/yard/{READ_ON}/gate7/IMG_{number:04}.jpg"


def _spread(dice: random.Random, type_: str, camera: str, peak: float, *, checked: bool) -> Spread:
    bins, codes = [0] * BINS, dice.randrange(100, 900)
    for _ in range(codes):
        bins[min(BINS - 1, int(dice.betavariate(peak, 1.6) * BINS))] += 1
    return Spread(type_, camera, tuple(bins), 0, codes * checked, codes // 40 * checked, sum(bins[:16]))


def _together(parts: tuple[Spread, ...]) -> Spread:
    bins = tuple(map(sum, zip(*(part.bins for part in parts), strict=True)))
    sums = (sum(getattr(part, name) for part in parts) for name in ("unknown", "checked", "failed", "below"))
    return Spread(parts[0].type, None, bins, *sums)


def _doubtful(dice: random.Random, number: int) -> Doubtful:
    code, camera, image = dice.choice(CODES), dice.choice(CAMERAS), _image(dice.randrange(1000))
    return Doubtful(DOUBTS[number % 3], image, image, "v", None, "vin", number, code, code, 0.41, camera, 0)


def _drawn(dice: random.Random, code: str) -> str:
    picture = Image.new("RGB", (1200, 900), tuple(dice.randrange(60, 180) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((120, 340, 1080, 560), fill=(225, 225, 220))
    draw.text((160, 390), code, fill=(20, 20, 20), font_size=88)
    target = io.BytesIO()
    picture.save(target, "JPEG")
    small = thumbnail(target.getvalue(), 4000) or b""
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"
