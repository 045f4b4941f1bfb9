"""Saying that a read is wrong: which read is meant is found in the table, what is said is kept beside it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.fingerprint import is_fingerprint, why_no_fingerprint
from airflow_provider_platerec_ocr.core.identifiers import check_code
from airflow_provider_platerec_ocr.core.images.spellings import spellings
from airflow_provider_platerec_ocr.core.models import to_utc
from airflow_provider_platerec_ocr.dataset.corrections.table import Correction, CorrectionKind, append, load_corrections
from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.table_files import each_file
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

    Row = dict[str, Any]

LONGEST_CODE = 200
"""Signs of a code that a person gives; a VIN has 17."""
_COLUMNS = (
    "image",
    "image_version",
    "image_name",
    "fingerprint",
    "read_type",
    "identifier_index",
    "code",
    "published_at",
    "read_at",
)


def correct(  # noqa: PLR0913  # what is meant, what is said, and where, all by name
    dataset: str | os.PathLike[str],
    code: str | None = None,
    *,
    image: str | None = None,
    fingerprint: str | None = None,
    identifier: int | str | None = None,
    type: str | None = None,  # noqa: A002  # the column's and the API's name
    kind: str = CorrectionKind.CORRECT,
    by: str,
    why: str,
    at: datetime | None = None,
    corrections: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    opener: Opener | None = None,
    clock: Clock | None = None,
) -> Correction:
    """Keep a correction of one read beside the dataset, and return it; nothing that is there is changed.

    The table keeps what the API said. ``read_dataset(…, corrected=True)`` and the view of ``dataset view`` lay the
    corrections over it; of several about the same identifier, the latest counts. Runs never touch them.

    :param dataset: the dataset's folder: a path, or an object store's URI.
    :param code: the right code, for ``correct`` and ``add``.
    :param image: the image as the table has it, by ``image`` or ``image_name``, or in another spelling of that (with a
        connection, a signature, or the umlauts of a Mac); of several reads the latest is meant.
    :param fingerprint: the read by its content instead.
    :param identifier: which code of the image: its ``identifier_index``, or the code as it was read; needed where the
        image has several. Without it, ``take_back`` is about the whole read.
    :param type: what was read, where the image was read as several types.
    :param kind: ``correct``: the code is another one; ``add``: there is one more; ``take_back``: there is none, or the
        whole read is none, such as one of the wrong type; ``accept``: the code is right as it was read, or, where
        the image has several or none, the whole read is, so that nobody is asked again.
    :param by: who says so.
    :param why: how they know.
    :param at: when; aware. Default: now.
    :param corrections: where they are kept; default: ``<dataset>_corrections``.
    :param storage_options: for fsspec; no effect with ``opener``.
    :param opener: opens places instead of fsspec, such as Airflow's connections do.
    :raises OCRInputError: there is no such read, or several, or what is said makes no sense.
    :raises OCRDatasetError: the table cannot be read.

    .. versionadded:: 0.2
    """
    uri = str(dataset)
    open_place = opener or _opener(storage_options or {})
    what = _checked(kind, code, (image, fingerprint), by=by, why=why)
    folder = open_place(str(corrections) if corrections is not None else beside(uri, "corrections"))
    rows = _read_meant(open_place(uri), image=image, fingerprint=fingerprint, type_=type)
    moment = to_utc(at, "at") if at is not None else (clock or SystemClock()).now().astimezone(UTC)
    first = rows[0]
    index = _index(what, rows, identifier, folder)
    if what is CorrectionKind.ACCEPT and index is not None:
        code = _code_as_said(rows, index, folder)
    check = None if code is None else check_code(code, first["read_type"])
    said = Correction(
        image=first["image"],
        image_version=first["image_version"],
        fingerprint=first["fingerprint"],
        read_type=first["read_type"],
        identifier_index=index,
        kind=_kind(what, rows, index),
        code=code,
        code_normalized=check.code_normalized if check else None,
        code_system=check.code_system if check else None,
        check_digit_ok=check.check_digit_ok if check else None,
        repaired=check.repaired if check else None,
        corrected_by=by,
        why=why,
        corrected_at=moment,
    )
    append(folder, said)
    return said


def _opener(options: Mapping[str, Any]) -> Opener:
    from airflow_provider_platerec_ocr.dataset.table.reading import open_folder

    return lambda uri: open_folder(uri, options)


def _checked(kind: str, code: str | None, named: tuple[str | None, str | None], *, by: str, why: str) -> CorrectionKind:
    try:
        what = CorrectionKind(kind)
    except ValueError:
        message = f"kind must be one of {', '.join(CorrectionKind)}, not {kind!r}."
        raise OCRInputError(message) from None
    if (named[0] is None) == (named[1] is None):
        message = "Name either the image or the fingerprint of the read."
        raise OCRInputError(message)
    without = what in {CorrectionKind.TAKE_BACK, CorrectionKind.ACCEPT}
    if without != (code is None) or (code is not None and not code.strip()):
        message = f"{what} {'takes no code' if without else 'needs the right code'}."
        raise OCRInputError(message)
    if code is not None and not (code.strip().isprintable() and len(code) <= LONGEST_CODE):
        message = f"The code holds a sign that nobody sees, or more than {LONGEST_CODE} signs: type it anew."
        raise OCRInputError(message)
    for name, text in (("by", by), ("why", why)):
        if not text or not text.strip():
            message = f"{name} is empty: a correction says who made it and why."
            raise OCRInputError(message)
    return what


def _read_meant(folder: StoragePath, *, image: str | None, fingerprint: str | None, type_: str | None) -> list[Row]:
    """Return the rows of the read that is meant, by index."""
    if fingerprint is not None and not is_fingerprint(fingerprint):
        message = f"{fingerprint!r} is no fingerprint: {why_no_fingerprint(fingerprint)}."
        raise OCRInputError(message)
    rows = list(_rows(folder, image, fingerprint))
    types = sorted({row["read_type"] for row in rows if type_ is None or row["read_type"] == type_})
    if not types:
        what = image or fingerprint
        message = f"The table has no read of {what}{f' as {type_}' if type_ else ''}. Name it as its column image does."
        raise OCRInputError(message)
    if len(types) > 1:
        message = f"It was read as {', '.join(types)}: say which with type."
        raise OCRInputError(message)
    mine = [row for row in rows if row["read_type"] == types[0]]
    names = {row["image"] for row in mine}
    if image is not None and names.isdisjoint(spellings(image)) and len(names) > 1:
        message = f"{image} may be {' or '.join(sorted(names)[:5])}: name it as its column image does."
        raise OCRInputError(message)
    last = max(mine, key=lambda row: (str(row["published_at"] or ""), str(row["read_at"] or "")))
    key = ("image", "image_version", "fingerprint")
    same = [row for row in mine if all(row[name] == last[name] for name in key)]
    once = {row["identifier_index"]: row for row in same}
    return sorted(once.values(), key=lambda row: row["identifier_index"] or 0)


def _rows(folder: StoragePath, image: str | None, fingerprint: str | None) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = ("fingerprint",) if fingerprint is not None else ("image", "image_name")
    meant = {fingerprint} if fingerprint is not None else spellings(image or "")
    values = pa.array(sorted(meant), pa.string())

    def of_file(file: TableFile) -> list[Row]:
        found: list[Row] = []
        for rows in batches(file, _COLUMNS):
            fits = pa.repeat(pa.scalar(value=False), rows.num_rows)
            for name in names:
                fits = pc.or_(fits, pc.is_in(rows.column(name), value_set=values))
            found += rows.filter(fits).to_pylist()
        return found

    for _, found in each_file(folder, of_file):
        yield from found


def _index(kind: CorrectionKind, rows: list[Row], identifier: int | str | None, folder: StoragePath) -> int | None:
    """Return which identifier is meant; ``None`` for the whole read."""
    there: dict[int, str | None] = {
        row["identifier_index"]: row["code"] for row in rows if row["identifier_index"] is not None
    }
    added: dict[int, str | None] = {
        each["identifier_index"]: each["code"]
        for each in load_corrections(folder).to_pylist()
        if each["identifier_index"] is not None and _same_read(each, rows[0])
    }
    if kind is CorrectionKind.ADD:
        return max([-1, *there, *added]) + 1
    known = added | there
    if identifier is None:
        if kind is CorrectionKind.TAKE_BACK or (kind is CorrectionKind.ACCEPT and len(there) != 1):
            return None
        if len(there) == 1:
            return next(iter(there))
        message = f"It has {_listed(there)}: say which with identifier." if there else _none()
        raise OCRInputError(message)
    if isinstance(identifier, int) or (identifier.isdecimal() and int(identifier) in known):
        if int(identifier) in known:
            return int(identifier)
    else:
        found = [index for index, code in known.items() if code is not None and code == identifier]
        if len(found) == 1:
            return found[0]
    message = f"It has no identifier {identifier!r}; it has {_listed(known)}." if known else _none()
    raise OCRInputError(message)


def _kind(kind: CorrectionKind, rows: list[Row], index: int | None) -> str:
    """Return how it is kept: what corrects or accepts a code that a person had added is an addition itself."""
    there = {row["identifier_index"] for row in rows}
    if kind in {CorrectionKind.CORRECT, CorrectionKind.ACCEPT} and index is not None and index not in there:
        return CorrectionKind.ADD.value
    return kind.value


def _code_as_said(rows: list[Row], index: int, folder: StoragePath) -> str | None:
    """Return the code that is accepted: as it was read, or as a person had added it."""
    read = [row["code"] for row in rows if row["identifier_index"] == index]
    if read:
        return str(read[0])
    said = (each for each in load_corrections(folder).to_pylist() if each["identifier_index"] == index)
    added = [each["code"] for each in said if _same_read(each, rows[0]) and each["code"] is not None]
    return str(added[-1]) if added else None


def _same_read(correction: Row, row: Row) -> bool:
    names = ("read_type", "image", "image_version", "fingerprint")
    return all(correction[name] == row[name] for name in names)


def _listed(codes: Mapping[int, str | None]) -> str:
    return ", ".join(f"{index} ({code})" for index, code in sorted(codes.items()))


def _none() -> str:
    return "Nothing was found on it: use add."
