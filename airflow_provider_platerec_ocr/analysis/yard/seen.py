"""A table of reads as sightings, and the other way: each read with the code that its sighting says."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.rules.bursts import NOBODY, PERSON, UNKNOWN, CodeColumns
from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.misreads import nobody_knows
from airflow_provider_platerec_ocr.analysis.rules.sightings import NO_CONFIDENCE, WINDOW, Cameras, Rules
from airflow_provider_platerec_ocr.analysis.yard.evidence import gathered, numbered, numbers, of_numbers, one, plain
from airflow_provider_platerec_ocr.analysis.yard.outcome import AGREED
from airflow_provider_platerec_ocr.analysis.yard.signs import ALONE, CONTAINER_SIGNS, signs
from airflow_provider_platerec_ocr.analysis.yard.what import Told, column_types

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

_ORDER = ("manifest", "manifest_row")


def sightings_schema() -> Any:
    """Return the Arrow schema of the sightings, in order."""
    text, texts, utc = pa.string(), pa.list_(pa.string()), pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            ("code", text),
            ("code_system", text),
            ("check_digit_ok", pa.bool_()),
            ("reads", pa.int32()),
            ("agreeing", pa.int32()),
            ("read_codes", texts),
            ("confidence", pa.float64()),
            ("images", texts),
            ("cameras", texts),
            ("first_seen", utc),
            ("last_seen", utc),
            *column_types(),
        ]
    )


@dataclass(frozen=True, slots=True)
class Sighted:
    """The sightings of a table of reads, by column."""

    reads: Any
    """The reads with a code, by sighting: ``group``, and what :func:`.evidence.gathered` takes."""
    names: dict[str, Any]
    """The texts that its numbers stand for."""
    code: Any
    """By sighting: the number of its code."""
    codes: Any
    """The codes that these numbers stand for."""

    def __len__(self) -> int:
        """Return how many sightings there are."""
        return len(self.code)


def sight(  # a table and how it is looked at, all by name
    reads: Any,
    *,
    window: timedelta = WINDOW,
    cameras: Cameras | None = None,
    confusions: Confusions | None = None,
    decodes: Callable[[str], bool | None] = nobody_knows,
) -> tuple[Sighted, Any]:
    """Return the sightings, and the reads with the code of their sighting as the column :data:`AGREED`.

    :param reads: an Arrow table as :func:`.reads.load` gives it; a read without a code is in no sighting.
    :param decodes: what a table of vehicles says of a VIN.
    """
    rules = Rules(window, cameras or Cameras(), confusions or Confusions(), decodes)
    rows = plain(reads).append_column("row", pa.array(range(reads.num_rows), pa.int32()))
    rows = rows.append_column("order", _order(reads)).filter(pc.is_valid(rows.column("code")))
    rows = rows.append_column("at", pc.fill_null(pc.cast(rows.column("when"), pa.int64()), UNKNOWN))
    rows = rows.take(pc.sort_indices(rows, [(name, "ascending") for name in ("at", "image", "code")]))
    given, names = {}, {}
    for name in ("code", "camera", "image"):
        given[name], names[name] = numbered(one(rows.column(name)))
    columns = CodeColumns(
        codes=names["code"].to_pylist(),
        code=numbers(given["code"]),
        at=numbers(one(rows.column("at"))),
        camera=numbers(given["camera"], NOBODY),
        image=numbers(given["image"]),
        order=numbers(one(rows.column("order")), NOBODY),
        weight=numbers(pc.if_else(one(rows.column("certain")), PERSON, one(rows.column("confidence"))), NO_CONFIDENCE),
    )
    number, said, codes = rules.group(columns, names["camera"].to_pylist())
    groups, code, every = of_numbers(number), of_numbers(said), pa.array(codes, pa.string())
    agreed = array("i", [-1]) * reads.num_rows
    for row, group in zip(numbers(one(rows.column("row"))), number, strict=True):
        agreed[row] = said[group]
    by_row = of_numbers(agreed)
    by_row = every.take(pc.if_else(pc.less(by_row, 0), pa.scalar(None, pa.int32()), by_row))
    table = pa.table({"group": groups, **given, **{name: rows.column(name) for name in ("confidence", "when")}})
    return Sighted(table, names, code, every), reads.append_column(AGREED, by_row)


def _order(reads: Any) -> Any:
    """Return the place of each photograph in the manifest's order; null where it has a time of its own."""
    untimed = pc.is_null(reads.column("timestamp"))
    if not pc.any(untimed).as_py():
        return pa.nulls(reads.num_rows, pa.int32())
    names = [name for name in (*_ORDER, "image") if name in reads.schema.names]
    table = reads.select(names).append_column("row", pa.array(range(reads.num_rows), pa.int32())).filter(untimed)
    table = table.take(pc.sort_indices(table, [(name, "ascending") for name in names]))
    places = array("i", [-1]) * reads.num_rows
    for place, row in enumerate(numbers(one(table.column("row")))):
        places[row] = place
    found = of_numbers(places)
    return pc.if_else(pc.less(found, 0), pa.scalar(None, pa.int32()), found)


def sightings_table(found: Sighted, told: Told | None = None) -> Any:
    """Return sightings as an Arrow table of :func:`sightings_schema`.

    :param told: what the codes say of the vehicles and containers; default: with no size that was read.
    """
    texts = found.codes.to_pylist()
    known = [code_of(text) for text in texts]
    keys: dict[str, int] = {}
    key_of = pa.array([keys.setdefault(code.key, len(keys)) for code in known], pa.int32())
    order = pc.sort_indices(found.reads.column("group"))
    reads = found.reads.take(order)
    groups = one(reads.column("group"))
    agrees = pc.equal(key_of.take(one(reads.column("code"))), key_of.take(found.code.take(groups)))
    confidence = pc.if_else(agrees, one(reads.column("confidence")), pa.scalar(None, pa.float64()))
    given = {name: one(reads.column(name)) for name in ("image", "camera", "code", "when")}
    columns = gathered(groups, len(found), given | {"confidence": confidence}, found.names)
    agreeing = gathered_count(groups.filter(agrees), len(found))
    there = set(pc.unique(found.code).to_pylist())
    used = [text if place in there else None for place, text in enumerate(texts)]
    by_code = {
        "code": texts,
        "code_system": [code.system for code in known],
        "check_digit_ok": [code.check_digit_ok for code in known],
        **(told or Told()).columns(used),
    }
    schema = sightings_schema()
    of_code = {name: pa.array(values, schema.field(name).type).take(found.code) for name, values in by_code.items()}
    every = {**columns, **of_code, "agreeing": agreeing}
    return pa.table([every[name] for name in schema.names], schema=schema)


def gathered_count(groups: Any, number: int) -> Any:
    """Return how many reads each group has."""
    sizes = array("i", [0]) * number
    for group in numbers(groups):
        sizes[group] += 1
    return of_numbers(sizes)


def signs_by_code(reads: Any) -> dict[str, str]:
    """Return the sign for size and type that most reads of each code have; none where as many say another one.

    :param reads: an Arrow table with the codes that sightings agreed on, as :func:`sight` returns it.
    """
    names = [name for name in ("code_as_read", "code", "code_normalized", "image") if name in reads.column_names]
    text = {name: pc.cast(reads.column(name), pa.string()) for name in names}
    read = pc.coalesce(*(text[name] for name in names if name in {"code_as_read", "code"}))
    behind = pc.and_(
        pc.greater(pc.utf8_length(read), CONTAINER_SIGNS), pc.not_equal(read, pc.fill_null(text["code_normalized"], ""))
    )
    alone = pc.match_substring_regex(text["code"], ALONE)
    images = text["image"].filter(pc.fill_null(alone, fill_value=False))
    some = pc.or_(pc.fill_null(behind, fill_value=False), pc.is_in(text["image"], value_set=one(images)))
    few = pa.table({"image": text["image"], "read": read, AGREED: reads.column(AGREED)}).filter(some)
    agreed = few.column(AGREED).to_pylist()
    found = signs(few.column("image").to_pylist(), few.column("read").to_pylist(), agreed)
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for code, sign in zip(agreed, found, strict=True):
        if code and sign:
            votes[code][sign] += 1
    return {code: winner for code, each in votes.items() if (winner := _most(each))}


def _most(votes: Counter[str]) -> str | None:
    first, *others = votes.most_common(2)
    return first[0] if not others or others[0][1] < first[1] else None
