"""Finding presigned URLs again: by what their images are known by, never by where they stood.

A plan holds no secrets, since it is written down, so a read task takes its URLs from the manifest again. That may have
been written anew meanwhile: rows have moved, signatures are fresh, other images stand there. A URL counts only if its
row says the very image, in the very version, that was planned.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.images.identity import former_identity
from airflow_provider_platerec_ocr.dataset.layout.lines import lines_between
from airflow_provider_platerec_ocr.dataset.layout.opened import opened
from airflow_provider_platerec_ocr.dataset.layout.packed import packing_of
from airflow_provider_platerec_ocr.dataset.manifest.json_rows import has_lines, read_json
from airflow_provider_platerec_ocr.dataset.manifest.manifest import kind_of, raw_rows, user_of
from airflow_provider_platerec_ocr.dataset.manifest.parquet import read_parquet
from airflow_provider_platerec_ocr.dataset.manifest.row import BadRow, RowMaker
from airflow_provider_platerec_ocr.dataset.manifest.tables import table_kind
from airflow_provider_platerec_ocr.dataset.manifest.text import csv_part, read_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

_MARGIN_BYTES, _MARGIN_SHARE = 256 * 1024, 0.02
"""How much is read around the place where a shard's lines should be, since lines differ in length."""
_NOT_WORTH_IT = 0.8
"""Share of a file from which on all of it is read at once."""


def signed_urls(
    uri: str,
    images: Collection[PlannedImage],
    opener: Opener,
    *,
    identity_params: Collection[str] = (),
    rows: int = 0,
) -> dict[tuple[str, str | None], str]:
    """Return the ``upload_url`` of planned images as the manifest has it now, signature and all, by identity.

    What the manifest does not say any more, or says of another version, is left out. Of two rows that say the same the
    first counts, as it does for the plan.

    :param images: those planned with ``signed``.
    :param identity_params: as for :func:`.manifest.read_manifest`.
    :param rows: how many rows the manifest had; then the part of it where the images stood is read first, and the whole
        only where some are not there.
    """
    wanted = {image.identity for image in images}
    found: dict[tuple[str, str | None], str] = {}
    if not wanted:
        return found
    place = opener(uri)
    maker = RowMaker(place.parent.uri, user=user_of(uri), default_type="vin", identity_params=identity_params)
    numbers = [image.row for image in images]
    some = _part(place, min(numbers), max(numbers), rows) if rows else iter(())
    for raw in chain(some, raw_rows(uri, place)):
        for identity, url in _says(maker, raw):
            if identity in wanted:
                found.setdefault(identity, url)
        if len(found) == len(wanted):
            break
    return found


def _says(maker: RowMaker, raw: RawRow) -> Iterator[tuple[tuple[str, str | None], str]]:
    """Yield which image a row names, under its name and under the one that an older plan has it by."""
    _, values, _ = raw
    if not values or not isinstance(values[1], str):
        return
    image = maker.make(raw)
    if isinstance(image, BadRow) or image.upload_url is None:
        return
    url = values[1].strip()
    yield image.identity, url
    if image.formerly is not None:
        former = former_identity(url, image.image)
        if former is not None:
            yield (former, image.image_version), url


def _part(place: StoragePath, first: int, last: int, rows: int) -> Iterator[RawRow]:
    """Return the rows around those from ``first`` to ``last`` of ``rows``, none where there is no way to them."""
    kind = table_kind(place.name) if kind_of(place) == "file" else None
    if kind == "parquet":
        return read_parquet(place, near=(first, last))
    if kind is None or not _may_be_cut(place, kind):
        return iter(())
    size = int(place.fs.info(place.path).get("size") or 0)
    margin = _MARGIN_BYTES + int(size * _MARGIN_SHARE)
    begin = max(0, size * (first - 1) // rows - margin)
    end = min(size, size * last // rows + margin)
    if end - begin > size * _NOT_WORTH_IT:
        return iter(())
    lines = lines_between(place, begin, end)
    if kind in {"csv", "tsv"}:
        return csv_part(place, lines, tabs=kind == "tsv")
    return read_list(place, lines=lines) if kind == "list" else read_json(place, lines=lines)


def _may_be_cut(place: StoragePath, kind: str) -> bool:
    """Return whether part of a text file can be read by itself: it is not packed, and a line of it is a row."""
    with opened(place, OCRManifestError) as file:
        if packing_of(file, place.name) is not None:
            return False
    return kind not in {"json", "jsonl"} or has_lines(place, lines_only=kind == "jsonl")
