"""Reads as templates show them: texts cut to what a person reads, without secrets, and the images that belong together.

What was read off a photograph and what files are called comes from anybody, so it is made short here and escaped by the
templates.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.images.identity import safe_name
from airflow_provider_platerec_ocr.core.page_urls import image_url, reads_url, view_url
from airflow_provider_platerec_ocr.core.redact import redact, whole_text
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK
from airflow_provider_platerec_ocr.engine.images.preview import LARGE, SMALL
from airflow_provider_platerec_ocr.web.frame.texts import CODE_SIGNS, NAME_SIGNS, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from airflow_provider_platerec_ocr.dataset.search.search import FoundReads

    Row = dict[str, Any]

ANSWER_SIGNS = 20_000
"""Characters of an answer that are shown."""


@dataclass(frozen=True, slots=True)
class ShownCode:
    """One identifier."""

    code: str
    """Cut; empty where none was found."""
    note: str
    """What stands in its place, or beside it."""
    as_read: str
    """What the API said, where a person said something else; cut."""
    corrected_by: str
    taken_back: bool
    confidence: float | None
    check_digit: str
    """``ok``, ``failed`` or nothing."""
    system: str


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image of a page with its codes."""

    name: str
    """The file's name, cut."""
    place: str
    """All of its name, without secrets, cut."""
    url: str
    """Its story."""
    thumbnail: str
    """Address of its small picture."""
    type: str
    day: date | None
    camera: str
    at: Any
    """When the photograph was taken, as far as anybody says; else when it was read."""
    codes: tuple[ShownCode, ...]


def shown_images(dataset: str, rows: Iterable[Row]) -> list[ShownImage]:
    """Return the rows of a page by image, in their order."""

    def of_image(row: Row) -> tuple[Any, ...]:
        return row["read_type"], row["image"], row["image_version"], row["fingerprint"], row["run_id"]

    return [_image(dataset, list(group)) for _, group in groupby(rows, key=of_image)]


def _image(dataset: str, rows: list[Row]) -> ShownImage:
    row = rows[0]
    name = safe_name(row["image"])
    return ShownImage(
        name=cut(safe_name(row["filename"]) or name, NAME_SIGNS),
        place=cut(name, NAME_SIGNS),
        url=story_url(dataset, row),
        thumbnail=thumbnail_url(dataset, row, SMALL),
        type=cut(row["read_type"], CODE_SIGNS),
        day=row["date"],
        camera=cut(row["camera_id"], CODE_SIGNS),
        at=row["timestamp"] or row["read_at"],
        codes=tuple(shown_code(each) for each in rows),
    )


def shown_code(row: Row) -> ShownCode:
    """Return a row's identifier as it is shown."""
    digit = row["check_digit_ok"]
    note = ""
    if row["code"] is None:
        note = "no code found" if row["identifier_count"] == 0 else "an answer that could not be understood"
    return ShownCode(
        code=cut(row["code"], CODE_SIGNS),
        note=note,
        as_read=cut(row["code_as_read"], CODE_SIGNS),
        corrected_by=cut(row["corrected_by"], CODE_SIGNS),
        taken_back=row[TAKEN_BACK],
        confidence=row["confidence"],
        check_digit="" if digit is None else "ok" if digit else "failed",
        system=row["code_system"] or "",
    )


def story_url(dataset: str, row: Mapping[str, Any]) -> str:
    """Return the address of the story of a row's image: by its content where that is known, which any name may have."""
    name = safe_name(row["image"])
    if len(name) > NAME_SIGNS and row["fingerprint"]:
        name = ""
    return image_url(dataset, name, fingerprint=row["fingerprint"], type=row["read_type"])


def thumbnail_url(dataset: str, row: Mapping[str, Any], side: int) -> str:
    """Return the address of a row's small picture; empty where there can be none."""
    if not row["fingerprint"] or row["date"] is None:
        return ""
    size = "large" if side == LARGE else "small"
    facts = {"fingerprint": row["fingerprint"], "type": row["read_type"], "day": str(row["date"]), "size": size}
    return view_url("thumbnail", dataset=dataset, **facts)


@dataclass(frozen=True, slots=True)
class Pager:
    """Which page it is, and where the others are."""

    number: int
    """From 1."""
    before: str
    """Address of the page before; empty where there is none."""
    after: str
    """Address of the next one; empty where there is none."""
    words: str
    """How many there are."""


def pager(dataset: str, page: FoundReads, *, view: str, size: int, most: int) -> Pager:
    """Return what stands below a page.

    :param size: rows of a page. :param most: number of the last page that can be shown.
    """
    number = page.offset // size + 1
    params = {**page.query.to_params(), "view": "" if view == "list" else view}

    def url(of: int) -> str:
        return reads_url(dataset, **params, page=None if of == 1 else of)

    more = page.total > page.offset + page.table.num_rows or not page.exact
    return Pager(
        number=number,
        before=url(number - 1) if number > 1 else "",
        after=url(number + 1) if more and page.table.num_rows and number < most else "",
        words=count_words(page),
    )


def count_words(page: FoundReads) -> str:
    """Return how many codes were found, and whether all were counted."""
    if page.total == 0:
        return "None found" if page.exact else "None found so far"
    things = "row" if page.total == 1 else "rows"
    return f"{page.total:,} {things}" if page.exact else f"More than {page.total:,} {things}"


def pretty(raw: str | None) -> str:
    """Return an answer as people read JSON, cut, without secrets."""
    if not raw:
        return ""
    try:
        text = json.dumps(json.loads(raw[: 10 * ANSWER_SIGNS]), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw
    text = redact(whole_text(text[:ANSWER_SIGNS]))
    return text if len(raw) <= ANSWER_SIGNS else f"{text}\n… ({count_of(len(raw), 'character')})"
