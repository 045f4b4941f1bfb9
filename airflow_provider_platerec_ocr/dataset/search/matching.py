"""Whether a row is one that is looked for: of columns in Arrow, of one row in Python, of a row group by its statistics.

The three must agree: what a row group's statistics rule out, no row of it may fit. A correction changes what a code
says, so that part is asked apart from the rest. Texts are looked for as they are: no sign means anything special.
"""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.search.query import (
    CheckDigit,
    SearchStatus,
    ascii_lower,
    ascii_upper,
    code_needles,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery

    Row = dict[str, Any]

CODE_COLUMNS = ("code", "code_normalized", "check_digit_ok", "identifier_index", "identifier_count")
"""What :func:`code_fits` looks at."""
TAKEN_BACK = "taken_back"
"""Key of a shown row: whether a person says that there is no such code."""


def plain_columns(query: ReadQuery) -> list[str]:
    """Return the columns that :func:`plain_mask` needs."""
    wanted = {
        "image": query.image or query.whole_image,
        "image_name": query.image,
        "camera_id": query.camera,
        "fingerprint": query.fingerprint,
        "confidence": query.min_confidence is not None or query.max_confidence is not None,
    }
    return [name for name, needed in wanted.items() if needed]


def code_columns(query: ReadQuery) -> list[str]:
    """Return the columns that :func:`code_mask` needs."""
    wanted = {
        "code": query.code or query.check_digit is CheckDigit.NONE,
        "code_normalized": query.code,
        "check_digit_ok": query.check_digit,
        "identifier_index": query.status is SearchStatus.CODE,
        "identifier_count": query.status in {SearchStatus.NO_CODE, SearchStatus.UNREADABLE},
    }
    return [name for name, needed in wanted.items() if needed]


def plain_mask(table: Any, query: ReadQuery) -> Any:
    """Return which rows fit in what no correction changes, as an Arrow array without nulls; ``None`` where all do."""
    import pyarrow.compute as pc

    masks = []
    if query.image:
        masks.append(_any(_holds(table, name, query.image, upper=False) for name in ("image", "image_name")))
    for name, value in (
        ("image", query.whole_image),
        ("camera_id", query.camera),
        ("fingerprint", query.fingerprint),
    ):
        if value:
            masks.append(pc.equal(table.column(name), value))
    if query.min_confidence is not None:
        masks.append(pc.greater_equal(table.column("confidence"), query.min_confidence))
    if query.max_confidence is not None:
        masks.append(pc.less_equal(table.column("confidence"), query.max_confidence))
    return _all(masks)


def code_mask(table: Any, query: ReadQuery) -> Any:
    """Return the same of what a correction may change, as the API said it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    masks = []
    if query.code:
        needles = code_needles(query.code)
        found = [_holds(table, "code", needles.as_read, upper=True)]
        found += [pc.match_substring(table.column("code_normalized"), each) for each in needles.normalized]
        masks.append(_any(found))
    if query.check_digit is CheckDigit.NONE:
        masks.append(pc.and_(pc.is_valid(table.column("code")), pc.is_null(table.column("check_digit_ok"))))
    elif query.check_digit is not None:
        masks.append(pc.equal(table.column("check_digit_ok"), pa.scalar(query.check_digit is CheckDigit.OK)))
    if query.status is SearchStatus.CODE:
        masks.append(pc.is_valid(table.column("identifier_index")))
    elif query.status is SearchStatus.NO_CODE:
        masks.append(pc.equal(table.column("identifier_count"), 0))
    elif query.status is SearchStatus.UNREADABLE:
        masks.append(pc.is_null(table.column("identifier_count")))
    elif query.status is SearchStatus.CORRECTED:
        masks.append(pa.chunked_array([pa.repeat(pa.scalar(value=False), table.num_rows)]))
    return _all(masks)


def _holds(table: Any, name: str, text: str, *, upper: bool) -> Any:
    import pyarrow.compute as pc

    if upper:
        return pc.match_substring(pc.ascii_upper(table.column(name)), ascii_upper(text))
    return pc.match_substring(pc.ascii_lower(table.column(name)), ascii_lower(text))


def _any(masks: Any) -> Any:
    import pyarrow.compute as pc

    return reduce(pc.or_, map(partial(pc.fill_null, fill_value=False), masks))


def _all(masks: list[Any]) -> Any:
    import pyarrow.compute as pc

    return reduce(pc.and_, map(partial(pc.fill_null, fill_value=False), masks)) if masks else None


def code_fits(row: Mapping[str, Any], query: ReadQuery) -> bool:
    """Return what :func:`code_mask` does, for one row as it is shown.

    :param row: with :data:`CODE_COLUMNS`, and ``code_as_read``, ``corrected_by`` of a row that a correction changed. A
        code that was taken back fits by itself alone, or as one that was corrected.
    """
    if query.code and not _says(row, query.code):
        return False
    if row.get(TAKEN_BACK):
        return query.check_digit is None and query.status in {None, SearchStatus.CORRECTED}
    return _digit_fits(row, query.check_digit) and _status_fits(row, query.status)


def _digit_fits(row: Mapping[str, Any], wanted: CheckDigit | None) -> bool:
    digit = row["check_digit_ok"]
    if wanted is CheckDigit.NONE:
        return row["code"] is not None and digit is None
    return wanted is None or digit is (wanted is CheckDigit.OK)


def _status_fits(row: Mapping[str, Any], wanted: SearchStatus | None) -> bool:
    index, count = row["identifier_index"], row["identifier_count"]
    fits = {
        SearchStatus.CODE: index is not None,
        SearchStatus.NO_CODE: index is None and count == 0,
        SearchStatus.UNREADABLE: index is None and count is None,
        SearchStatus.CORRECTED: row.get("corrected_by") is not None,
    }
    return wanted is None or fits[wanted]


def _says(row: Mapping[str, Any], text: str) -> bool:
    needles = code_needles(text)
    texts = (ascii_upper(row.get(name) or "") for name in ("code", "code_as_read"))
    normalized = row.get("code_normalized") or ""
    return any(needles.as_read in each for each in texts) or any(each in normalized for each in needles.normalized)


Span = tuple[Any, Any]
"""Least and greatest value of a column in a row group."""


def may_hold(spans: Mapping[str, Span], query: ReadQuery, *, as_read: bool) -> bool:
    """Return whether a row group may have a row that fits.

    :param spans: by column, where the file says it; nothing is known of the others.
    :param as_read: whether codes count as the API said them; else a correction may make any row fit.
    """
    wholes = {"image": query.whole_image, "camera_id": query.camera, "fingerprint": query.fingerprint}
    for name, value in wholes.items():
        if value and name in spans and not _lies_in(value, spans[name]):
            return False
    if "confidence" in spans:
        least, greatest = spans["confidence"]
        if query.min_confidence is not None and greatest < query.min_confidence:
            return False
        if query.max_confidence is not None and least > query.max_confidence:
            return False
    if as_read and "check_digit_ok" in spans and query.check_digit in {CheckDigit.OK, CheckDigit.FAILED}:
        return (query.check_digit is CheckDigit.OK) in spans["check_digit_ok"]
    return True


def _lies_in(value: str, span: Span) -> bool:
    least, greatest = span
    if not (isinstance(least, str) and isinstance(greatest, str)):
        return True
    return bool(least.encode() <= value.encode() <= greatest.encode())
