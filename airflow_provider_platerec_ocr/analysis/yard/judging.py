"""Reads joined with what their images really show, as a truth file says."""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.rules.accuracy import Judged, Verdict, edit_distance
from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.yard.expected import read_expected
from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.table.reading import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.analysis.yard.expected import Expected
    from airflow_provider_platerec_ocr.storage.path import Opener

IMAGE_COLUMNS = ("image", "file")
"""How a truth file may name its images."""
TRUTH = "truth"


def read_truth(
    uri: str, *, opener: Opener | None = None, column: str = TRUTH, option: str = "truth_column"
) -> dict[str, list[str]]:
    """Return what each image really shows, by the image as the file names it; an image may show several codes.

    :param uri: any file that a manifest may be, with the columns ``image`` (or ``file``) and ``truth``. A row whose
        truth is empty says that nothing is to be read.
    :param option: what the caller's user calls the parameter ``column``.
    :raises OCRManifestError: it cannot be read, or names no images.
    """
    opener = opener or partial(open_folder, options={})
    found: dict[str, list[str]] = defaultdict(list)
    for unit in read_expected(uri, opener=opener, code_column=column, option=option):
        found[_image(unit, uri)] += [unit.code] if unit.code else []
    return dict(found)


def _image(unit: Expected, uri: str) -> str:
    own = json.loads(unit.own or "{}")
    names = {name.lower(): value for name, value in own.items()}
    for column in IMAGE_COLUMNS:
        if names.get(column):
            return str(names[column])
    message = f"Row {unit.row:,} of {uri} names no image: a truth file has the columns image and truth."
    raise OCRManifestError(message)


def judged(reads: Any, truth: dict[str, list[str]]) -> list[Judged]:
    """Return each image whose truth is known with the code that was read off it.

    An image of the truth is that of a read by its whole name, by its name as the manifest had it, or by its last part
    where that is the only one. Of several codes of one image the nearest to the truth counts.

    :param reads: an Arrow table as :func:`.reads.load` gives it.
    """
    by_image: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _meant(reads, truth).to_pylist():
        by_image[row["image"]].append(row)
    named = _by_name(by_image)
    found = []
    for image, codes in truth.items():
        rows = named.get(image) or named.get(posixpath.basename(image)) or []
        found += [_nearest(image, code, rows) for code in codes if rows]
    return found


def several(reads: Any, truth: Iterable[str]) -> list[str]:
    """Return the images of the truth whose names may mean several images: none of these counts.

    :param reads: as for :func:`judged`.
    """
    meant = _images_by_name(_meant(reads, truth).to_pylist())
    counts = {
        image: [len(meant.get(name, ())) for name in dict.fromkeys((image, posixpath.basename(image)))]
        for image in truth
    }
    return [image for image, numbers in counts.items() if 1 not in numbers and any(numbers)]


def _meant(reads: Any, truth: Iterable[str]) -> Any:
    """Return the reads whose image may be one of those: a truth file has some hundred, and a table millions."""
    names = pa.array({name for image in truth for name in (image, posixpath.basename(image))}, pa.string())
    last = pc.replace_substring_regex(reads.column("image"), r"^.*/", "")
    columns = [last, *(reads.column(name) for name in ("image", "image_name", "filename"))]
    return reads.filter(reduce(pc.or_, (pc.is_in(column, value_set=names) for column in columns)))


def _by_name(by_image: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows by every name that means one image only."""
    meant = _images_by_name(rows[0] for rows in by_image.values())
    return {name: by_image[next(iter(images))] for name, images in meant.items() if len(images) == 1}


def _images_by_name(rows: Iterable[dict[str, Any]]) -> dict[str, set[str]]:
    """Return the images of reads by each of their names."""
    meant: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for name in (row["image"], row.get("image_name"), row.get("filename"), posixpath.basename(row["image"])):
            if name:
                meant[name].add(row["image"])
    return meant


def _nearest(image: str, truth: str, rows: Iterable[dict[str, Any]]) -> Judged:
    every = [
        Judged(
            *(image, truth, row["code_normalized"] or row["code"], row["read_type"]),
            *(row["camera_id"], row["orientation"], row["confidence"]),
        )
        for row in rows
    ]
    key = code_of(truth).key
    return min(every, key=lambda each: edit_distance(key, code_of(each.read).key, len(key)) if each.read else 10**6)


def said(found: list[Judged]) -> str:
    """Return in one line how many there are, and how far they are from the truth."""
    counts = {verdict: sum(each.verdict == verdict for each in found) for verdict in Verdict}
    return f"{count_of(len(found), 'image')}: " + ", ".join(
        f"{number:,} {verdict}" for verdict, number in counts.items()
    )
