"""One image: its small picture, and its whole story from the manifest's row to the corrections.

A picture is made only of what a read of the dataset names, below a folder that its manifest opened. Whatever is in the
way, there is a picture that says so.
"""

from __future__ import annotations

import json
import logging
import shlex
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.fingerprint import is_fingerprint
from airflow_provider_platerec_ocr.core.images.identity import safe_name
from airflow_provider_platerec_ocr.core.page_urls import reads_url
from airflow_provider_platerec_ocr.core.redact import redact, shorten, whole_text
from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery
from airflow_provider_platerec_ocr.dataset.search.search import search
from airflow_provider_platerec_ocr.dataset.search.sources import images_root
from airflow_provider_platerec_ocr.dataset.search.story import image_story
from airflow_provider_platerec_ocr.engine.images.gallery import Gallery, WantedPicture
from airflow_provider_platerec_ocr.engine.images.preview import LARGE, SMALL, NoPreviewError
from airflow_provider_platerec_ocr.engine.kept.steps import ledger_story
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.runtime.places import thumbnail_folder
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.page import PageDep
from airflow_provider_platerec_ocr.web.frame.texts import CODE_SIGNS, NAME_SIGNS, cut
from airflow_provider_platerec_ocr.web.reads_picture import placeholder
from airflow_provider_platerec_ocr.web.reads_shown import pretty, shown_code, thumbnail_url
from airflow_provider_platerec_ocr.web.reads_what import shown_what

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.dataset.search.story import ImageStory
    from airflow_provider_platerec_ocr.engine.kept.steps import LedgerStory
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.web.frame.datasets import Shown
    from airflow_provider_platerec_ocr.web.frame.page import Page, Shop

    Row = dict[str, Any]

SECONDS = 8.0
"""For which one search may go on."""
LEASE_S = 270.0
"""Lease of claims that do not say theirs."""
MOST_CONTENTS = 10
"""Contents of one image whose ledger files are shown: the newest."""
_REMEMBERED_S, _REMEMBERED = 60.0, 5_000
"""How long, and of how many pictures, it is known which file they are of."""
_NO_READ = "the table has no such read any more"
_log = logging.getLogger(__name__)
router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Source:
    """What a row says of its image."""

    image: str
    manifest: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the view keeps between requests."""

    gallery: Gallery
    sources: Cached[_Source | None]


def pictures(page: Page) -> Pictures:
    """Return what makes and keeps pictures."""
    return page.shop.keep("reads_pictures", _made)


def _made(shop: Shop) -> Pictures:
    gallery = Gallery(thumbnail_folder(), clock=shop.clock)
    return Pictures(gallery, Cached(_REMEMBERED_S, shop.clock, most=_REMEMBERED))


@router.get("/thumbnail", response_model=None)
def thumbnail(page: PageDep) -> Response:
    """Send the small picture of a read's image, or one that says why there is none."""
    params = page.request.query_params
    shown = page.dataset(params.get("dataset", ""))
    side = LARGE if params.get("size") == "large" else SMALL
    try:
        return _picture(page, _wanted(page, shown, side))
    except NoPreviewError as error:
        return Response(placeholder(str(error)), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})


def _picture(page: Page, wanted: WantedPicture) -> Response:
    data = pictures(page).gallery.picture(wanted)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})


def _wanted(page: Page, shown: Shown, side: int) -> WantedPicture:
    """Return which picture an address asks for: of a read that the table has now.

    :raises NoPreviewError: it has none such, or its folder cannot be opened.
    """
    query = _named(page.request.query_params)
    if query is None:
        raise NoPreviewError(_NO_READ)
    found = pictures(page).sources.get((shown.known.key, query), lambda: _source(page, shown, query))
    if found is None:
        raise NoPreviewError(_NO_READ)
    return WantedPicture(found.image, found.fingerprint, _roots(page, shown, found.manifest), side)


def _named(params: Mapping[str, str]) -> ReadQuery | None:
    """Return which read an address names: by its content, or by its image's name; ``None`` where it names none."""
    mark, type_, name = (params.get(each, "") for each in ("fingerprint", "type", "image"))
    try:
        until = date.fromisoformat(params.get("day", ""))
        since = date.fromisoformat(params.get("since", "") or until.isoformat())
        if name:
            return ReadQuery(whole_image=whole_text(name), since=since, until=until)
    except (ValueError, OCRError):
        return None
    return (
        ReadQuery(fingerprint=mark, types=(type_,), since=until, until=until)
        if is_fingerprint(mark) and type_
        else None
    )


def _source(page: Page, shown: Shown, query: ReadQuery) -> _Source | None:
    """Return what the table says of a read, as of now."""
    folder = page.open(shown.known.dataset)
    found = search(folder, query, limit=1, columns=["manifest"], seconds=SECONDS, clock=page.shop.clock)
    row = next(iter(found.table.to_pylist()), None)
    if row is None or not row["fingerprint"]:
        return None
    return _Source(row["image"] or "", row["manifest"] or "", row["fingerprint"])


def _roots(page: Page, shown: Shown, manifest: str) -> tuple[StoragePath, ...]:
    """Return the folders that an image of a manifest may lie in, opened."""
    named = dict.fromkeys([*shown.known.roots.splitlines(), images_root(manifest)])
    try:
        return tuple(page.open(root) for root in named if root)
    except (OCRError, OSError, ValueError, ImportError) as error:
        _log.warning("No pictures of %s: %s", shown.known.key, shorten(redact(str(error))))
        message = "its storage cannot be opened from here"
        raise NoPreviewError(message) from None


@router.get("/image", response_model=None)
def image(page: PageDep) -> Response:
    """Show all that is known of one image."""
    params = page.request.query_params
    shown = page.dataset(params.get("dataset", ""))
    name = whole_text(params.get("image", ""))
    mark = params.get("fingerprint", "")
    mark = mark if is_fingerprint(mark) else ""
    story = _story(page, shown, name, mark)
    ledgers, troubles = _ledgers(page, shown, story)
    first = story.rows[0] if story.rows else None
    of_read = [row for row in story.rows if _same_read(row, first)]
    title = safe_name(first["image"] if first else name) or mark
    return page.render(
        "reads_image.html",
        404 if not (story.rows or story.dead_letters or ledgers) else 200,
        shown=shown,
        title=cut(title.rpartition("/")[2] or title, NAME_SIGNS),
        place=cut(title, NAME_SIGNS),
        picture=thumbnail_url(shown.known.key, first, LARGE) if first else "",
        codes=[shown_code(row) for row in of_read],
        what=shown_what(of_read),
        reads=[_read(row) for row in story.rows],
        answers=_answers(story),
        manifest_rows=_manifest_rows(story),
        ledgers=ledgers,
        story=story,
        troubles=[*troubles, *(redact(text) for text in story.broken)],
        command=_command(shown, first),
        back=reads_url(shown.known.key),
    )


def _story(page: Page, shown: Shown, name: str, mark: str) -> ImageStory:
    known = shown.known
    return image_story(
        page.open(known.dataset),
        image=name,
        fingerprint=mark,
        dead_letters=page.open(known.dead_letters) if known.dead_letters else None,
        repeats=page.open(beside(known.dataset, "repeats")),
        corrections=page.open(known.corrections) if known.corrections else None,
        seconds=SECONDS,
    )


def _ledgers(page: Page, shown: Shown, story: ImageStory) -> tuple[list[LedgerStory], list[str]]:
    """Return what the ledger has of the image's contents, and what could not be read of it."""
    ledger = Ledger.peek(shown.ledger, lease_s=LEASE_S, clock=page.shop.clock)
    found, troubles = [], []
    for type_, mark in story.fingerprints[:MOST_CONTENTS]:
        try:
            one = ledger_story(ledger, type_, mark)
        except OCRError as error:
            troubles.append(redact(str(error)))
            continue
        if one.steps:
            found.append(one)
    return found, list(dict.fromkeys(troubles))


def _same_read(row: Row, first: Row | None) -> bool:
    names = ("read_type", "image", "image_version", "fingerprint", "run_id")
    return first is not None and all(row[name] == first[name] for name in names)


def _read(row: Row) -> dict[str, Any]:
    """Return a row of the table as the story shows it."""
    names = ("type", "date", "published_at", "read_at", "dag_id", "run_id", "calls_billed", "image_version")
    return {"code": shown_code(row), **{name: row[name] for name in names}}


def _answers(story: ImageStory) -> list[tuple[Any, str]]:
    """Return time and text of each answer, the newest first."""
    once = {row["raw"]: row["read_at"] for row in reversed(story.rows) if row["raw"]}
    return [(at, pretty(raw)) for raw, at in reversed(once.items())]


def _manifest_rows(story: ImageStory) -> list[dict[str, Any]]:
    """Return where the image stood in manifests, the newest first."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (*story.rows, *story.repeats):
        key = (row["manifest"], row["manifest_row"], row["image_name"])
        found.setdefault(
            key,
            {
                "manifest": safe_name(row["manifest"]),
                "row": row["manifest_row"],
                "name": cut(safe_name(row["image_name"]), NAME_SIGNS),
                "columns": _own_columns(row["manifest_columns"]),
                "run_id": row["run_id"],
            },
        )
    return list(found.values())


def _own_columns(text: str | None) -> list[tuple[str, str]]:
    """Return the manifest's own columns of a row, as texts."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return []
    pairs = found.items() if isinstance(found, dict) else ()
    return [
        (cut(str(name), CODE_SIGNS), cut(redact(str(value)[: NAME_SIGNS * 8]), NAME_SIGNS)) for name, value in pairs
    ]


def _command(shown: Shown, first: Row | None) -> str:
    """Return the command that corrects the read, empty where there is none."""
    if first is None or not first["fingerprint"]:
        return ""
    program = "python -m airflow_provider_platerec_ocr.dataset correct"
    place = shlex.quote(shown.known.key)
    return f'{program} {place} RIGHT_CODE --fingerprint {first["fingerprint"]} --by YOU --why "…"'
