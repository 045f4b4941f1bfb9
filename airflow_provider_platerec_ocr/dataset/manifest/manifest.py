"""Reading a manifest: one stream of planned images and bad rows, whatever the format and wherever it lies.

Which rows are new, and which fit the budget, is not known here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.fingerprint import check_type
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.dataset.manifest.listing import IMAGE_SUFFIXES, Search, read_folder, read_glob
from airflow_provider_platerec_ocr.dataset.manifest.parquet import read_parquet
from airflow_provider_platerec_ocr.dataset.manifest.row import BadRow, RowMaker
from airflow_provider_platerec_ocr.dataset.manifest.text import read_csv, read_jsonl, read_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

__all__ = ["BadRow", "Search", "kind_of", "names_samples", "raw_rows", "read_manifest", "user_of"]

log = logging.getLogger(__name__)

TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".list")
SAMPLES_MARK = "platerec_ocr_samples.txt"
"""A file that lies beside the sample images of this project."""
FORMATS = "CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson), a list (.txt, .list), Parquet (.parquet), a folder or a glob"


def read_manifest(  # noqa: PLR0913  # settings, by name only
    uri: str,
    *,
    opener: Opener,
    default_type: str | None = None,
    recursive: bool = True,
    identity_params: Collection[str] = (),
    search: Search | None = None,
) -> Iterator[PlannedImage | BadRow]:
    """Yield each row of the manifest in order; memory does not grow with their number.

    :param uri: a file (``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson``, ``.txt``, ``.list``, ``.parquet``; the text
        formats also with ``.gz``), a folder, or a glob of images; a path or an object store's URI.
    :param default_type: type of rows that name none.
    :param recursive: whether a folder's subfolders count; no effect for other manifests.
    :param identity_params: parameters of URLs that say which image it is; see
        :func:`...core.images.identity.web_identity`.
    :param search: how a folder or a glob is searched, instead of ``recursive`` alone; it counts what is left aside.
    :raises OCRManifestError: the manifest as a whole cannot be read, or is a folder or a glob from which nothing could
        be taken although something is there; it says which path, and why.
    """
    if default_type is not None:
        check_type(default_type)
    place = opener(uri)
    folder = place.parent.uri
    maker = RowMaker(folder, user=user_of(uri), default_type=default_type, identity_params=identity_params)
    yield from map(maker.make, raw_rows(uri, place, search or Search(recursive=recursive)))
    if maker.dropped:
        log.warning(
            "The queries of signed URLs do not count, and %s was cut with them. If that says which image it is, name "
            "it in identity_params, or give each row an image_id.",
            ", ".join(sorted(maker.dropped)),
        )


def names_samples(uri: str, opener: Opener) -> bool:
    """Return whether the manifest is, or lies in, a folder of sample images; only a local disk is looked at."""
    place = opener(uri)
    return place.is_local and any(folder.fs.isfile((folder / SAMPLES_MARK).path) for folder in (place, place.parent))


def user_of(uri: str) -> str:
    """Return the user part of an object store's URI: a connection id in Airflow. Anything after a colon is dropped."""
    if "://" not in uri:
        return ""
    return uri.split("://", 1)[1].partition("/")[0].rpartition("@")[0].partition(":")[0]


def raw_rows(uri: str, place: StoragePath, search: Search | None = None) -> Iterator[RawRow]:
    """Return the manifest's rows as its reader finds them."""
    search = search or Search()
    kind = kind_of(place)
    if kind == "glob":
        return _with_user(read_glob(place, search), uri)
    if kind == "directory":
        return _with_user(read_folder(place, search), uri)
    name = place.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return read_csv(place, tabs=name.endswith(".tsv"))
    if name.endswith((".jsonl", ".ndjson")):
        return read_jsonl(place)
    if name.endswith((".txt", ".list")):
        return read_list(place)
    if place.name.lower().endswith(".parquet"):
        return read_parquet(place)
    if name.endswith(IMAGE_SUFFIXES):
        message = f"{place} is an image, not a manifest. Give its folder, or a list that names it."
    else:
        message = f"{place} is of no known format. A manifest is {FORMATS}."
    raise OCRManifestError(message)


def kind_of(place: StoragePath) -> str:
    """Return what a manifest is: ``file``, ``directory``, or only then ``glob``.

    :raises OCRManifestError: it is nothing of these, or cannot be looked at.
    """
    place.fs.invalidate_cache(place.parent.path)
    try:
        kind = str(place.fs.info(place.path)["type"])
    except FileNotFoundError:
        if not any(sign in place.path for sign in "*?["):
            message = f"There is no manifest at {redact(place.uri)}. Check the path, and that this machine can see it."
            raise OCRManifestError(message) from None
        kind = "glob"
    except OSError as error:
        message = f"The manifest {redact(place.uri)} cannot be opened: {error.strerror or error}."
        raise OCRManifestError(message) from error
    is_list = place.name.lower().removesuffix(".gz").endswith((*TEXT_SUFFIXES, ".parquet"))
    if kind != "file" and is_list:
        message = f"{place} is a {kind}, and a manifest of that ending must be one file. Give the file."
        raise OCRManifestError(message)
    return kind


def _with_user(rows: Iterator[RawRow], uri: str) -> Iterator[RawRow]:
    """Let the images of a listing be opened through the connection that the manifest's URI names."""
    user = user_of(uri)
    if not user:
        return rows
    return ((row, (name.replace("://", f"://{user}@", 1), *rest), "") for row, (name, *rest), _ in rows)
