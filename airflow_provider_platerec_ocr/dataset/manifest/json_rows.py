"""Manifests as JSON: one object a line, an array of objects, or objects one after the other.

Programs give all three the ending ``.json``, and some an array the ending ``.jsonl``; what a file is shows in its first
characters. Whatever it is, it is read as a stream.
"""

from __future__ import annotations

import codecs
import json
import re
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.layout.lines import MAX_LINE_BYTES, PIECE_BYTES, read_lines, without_bom
from airflow_provider_platerec_ocr.dataset.layout.opened import opened
from airflow_provider_platerec_ocr.dataset.layout.packed import unpacked
from airflow_provider_platerec_ocr.dataset.manifest.columns import Columns
from airflow_provider_platerec_ocr.dataset.manifest.row import COLUMNS, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.dataset.layout.lines import Line
    from airflow_provider_platerec_ocr.dataset.layout.packed import SupportsRead
    from airflow_provider_platerec_ocr.dataset.manifest.columns import Folders, Layout
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

LOOK_AHEAD = 100
"""Objects that are looked at before a manifest counts as one without the needed columns."""
_MOST_SHAPES = 1000
_ARRAY = re.compile(r"\s*\[\s*[{\]]")
_ANY_ARRAY = re.compile(r"\s*\[")
_BETWEEN = re.compile(r"[\s,]*")
_LONGEST = MAX_LINE_BYTES
_OUR_SIGNS = 4096
"""Characters that are looked at to tell what a file is."""


def read_json(
    place: StoragePath,
    columns: Columns | None = None,
    *,
    lines_only: bool = True,
    folders: Folders = (),
    lines: Iterator[Line] | None = None,
) -> Iterator[RawRow]:
    """Yield the rows of a file of JSON objects.

    :param lines_only: whether the file's name says that each line is one; an array of objects is read all the same.
    :param folders: columns that the file has from its folders.
    :param lines: some of the lines, instead of all of them; rows are numbered within them then.
    :raises OCRManifestError: none of the first :data:`LOOK_AHEAD` objects has ``image`` or ``upload_url``, or an array
        is not well-formed.
    """
    if lines is None and not has_lines(place, lines_only=lines_only):
        rows = _values(place)
    else:
        rows = _objects(read_lines(place) if lines is None else lines)
    yield from _rows(place, rows, columns or Columns(), folders)


def has_lines(place: StoragePath, *, lines_only: bool = True) -> bool:
    """Return whether each line of the file is a value of its own."""
    with opened(place, OCRManifestError) as file, unpacked(file, place) as content:
        head = without_bom(content.read(PIECE_BYTES), place).decode("utf-8", "replace")
    if (_ARRAY if lines_only else _ANY_ARRAY).match(head[:_OUR_SIGNS]):
        return False
    if lines_only:
        return True
    first = next((line for line in re.split(r"[\r\n]+", head) if line.strip()), "{}")
    return not isinstance(_object(first), str)


def _rows(
    place: StoragePath, found: Iterator[tuple[int, dict[str, Any] | str]], columns: Columns, folders: Folders
) -> Iterator[RawRow]:
    head = list(islice(found, LOOK_AHEAD))
    objects = [item for _, item in head if isinstance(item, dict)]
    if objects:
        names = {plain(key): key for item in objects for key in item}
        columns.layout(place, list(names.values()), folders)  # refuses what has no images
        _refuse_columns(place, objects[0])
    shapes: dict[tuple[str, ...], tuple[itemgetter[Any], Layout]] = {}
    along = columns.come_along
    for row, item in chain(head, found):
        if isinstance(item, str):
            yield row, (), item
            continue
        keys = tuple(item)
        shape = shapes.get(keys)
        if shape is None:
            if len(shapes) >= _MOST_SHAPES:
                shapes.clear()
            if twice := _twice(keys):
                yield row, (), f"has {twice}, which are one column. Keep one of them"
                continue
            layout = columns.layout(place, keys, folders, is_header=False)
            shape = shapes[keys] = itemgetter(*layout.known), layout
        fields = list(item.values())
        fields += shape[1].tail
        values = shape[0](fields)
        if along:
            values = (*values, shape[1].write([fields[index] for index in shape[1].own]))
        yield row, values, ""


def _twice(keys: Sequence[str]) -> str:
    """Return the names of a column with a meaning here that an object has more than once, as it spells them."""
    found = [plain(key) for key in keys]
    for name in COLUMNS:
        if found.count(name) > 1:
            return " and ".join(repr(key) for key in keys if plain(key) == name)
    return ""


def _refuse_columns(place: StoragePath, first: dict[str, Any]) -> None:
    """Refuse one object that holds all images, as pandas' ``to_json()`` writes a frame where nobody says otherwise."""
    if any(plain(key) == "image" and isinstance(value, dict) for key, value in first.items()):
        message = f"{place} is one object of columns, not one a row. Write it with orient='records'."
        raise OCRManifestError(message)


def _objects(lines: Iterator[Line]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for row, (text, problem) in enumerate(lines, start=1):
        if text is None:
            yield row, problem
        elif text.strip():
            yield row, _object(text)


def _object(text: str) -> dict[str, Any] | str:
    try:
        item = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return item if isinstance(item, dict) else _no_object(item)


def _no_object(item: Any) -> str:
    return f"is not a JSON object but {type(item).__name__}"


def _values(place: StoragePath) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield the values of an array, or those that stand one after the other, numbered."""
    with opened(place, OCRManifestError) as file, unpacked(file, place) as content:
        for row, item in enumerate(_stream(content, place), start=1):
            yield row, item if isinstance(item, dict) else _no_object(item)


def _stream(file: SupportsRead, place: StoragePath) -> Iterator[Any]:
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    scan = json.JSONDecoder(strict=False).raw_decode
    piece = without_bom(file.read(PIECE_BYTES), place)
    text = decode(piece).lstrip()
    in_array = text.startswith("[")
    at, row = int(in_array), 0
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing as well
        if in_array and text[at : at + 1] == "]":
            if text[at + 1 :].strip() or (piece and any(map(bytes.strip, iter(lambda: file.read(PIECE_BYTES), b"")))):
                message = f"{place} is not well-formed JSON: something follows after the end of its array."
                raise OCRManifestError(message)
            return
        problem: Exception | None = None
        try:
            item, end = scan(text, at)
        except (ValueError, RecursionError) as error:
            problem = error
        else:
            if end < len(text) or not piece:  # a number could go on in the next piece
                row += 1
                yield item
                at = end
                continue
        if not piece:
            if at < len(text) or in_array:
                message = (
                    f"{place} is not well-formed JSON: after value {row} of it: {problem or 'the end is missing'}."
                )
                raise OCRManifestError(message)
            return
        if len(text) - at > _LONGEST:
            message = f"{place} is not well-formed JSON: value {row + 1} of it does not end: {problem}."
            raise OCRManifestError(message)
        piece = file.read(PIECE_BYTES)
        text, at = text[at:] + decode(piece, final=not piece), 0
