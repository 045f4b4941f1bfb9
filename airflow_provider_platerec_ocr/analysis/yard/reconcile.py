"""Reads held against a list of units: who was seen, who is missing, who should not be here.

Nothing is paid, or changed. One row for each unit of the list, and one for each code that is no unit's. A code is
looked up once, however many images it was read from.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, whole_container
from airflow_provider_platerec_ocr.analysis.rules.matching import Match, MatchedCode, Matcher, said_of
from airflow_provider_platerec_ocr.analysis.rules.misreads import nobody_knows
from airflow_provider_platerec_ocr.analysis.rules.units import Units
from airflow_provider_platerec_ocr.analysis.yard.evidence import (
    COLUMNS,
    each_once,
    gathered,
    numbered,
    numbers,
    of_numbers,
    offsets,
    one,
    plain,
)
from airflow_provider_platerec_ocr.analysis.yard.outcome import (
    AGREED,
    READ,
    UNIT,
    Reconciled,
    Status,
    reconciliation_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
    from airflow_provider_platerec_ocr.analysis.yard.expected import Expected

NEEDED = tuple(COLUMNS)
"""Columns of the reads that a reconciliation looks at."""
_ORDER = (Match.MATCHED, Match.CONFUSABLE, Match.PARTIAL)


def reconcile(  # noqa: PLR0913  # two tables and how strictly they are compared, all by name
    reads: Any,
    expected: Sequence[Expected],
    *,
    confusions: Confusions | None = None,
    max_edits: int = 1,
    partial: int | None = None,
    decodes: Callable[[str], bool | None] = nobody_knows,
) -> Reconciled:
    """Return which expected units were seen, which are missing, and what else was seen.

    :param reads: an Arrow table with the columns :data:`NEEDED`, such as
        ``pyarrow.Table.from_pandas(read_dataset(uri, since=day, until=day, corrected=True))``; corrections count where
        they were laid over it.
    :param expected: the list, see :func:`.expected.read_expected`; a unit that is there twice counts once, and rows
        without a code do not count.
    :param confusions: which characters are taken for one another; default: the table of :mod:`.confusions`.
    :param max_edits: most characters that may be confused: 0, 1 (default) or 2.
    :param partial: how many last characters are enough where no whole code matches; default: none, all are needed.
    :param decodes: what a table of vehicles says of a VIN, see :class:`.matching.Matcher`.
    """
    units = Units.of(expected)
    matcher = Matcher(
        [unit.code for unit in units.units], confusions, max_edits=max_edits, partial=partial, decodes=decodes
    )
    evidence = _Evidence(reads, matcher.is_listed)
    matcher.learn(evidence.times_read)
    book = _Book(matcher, evidence)
    rows = _Rows()
    for unit in units.units:
        book.write_unit(unit, rows)
    book.write_reads(rows)
    for text in evidence.unreadable:
        rows.add(Status.UNREADABLE, READ, None, (text,))
    return Reconciled(rows.table(evidence), matcher.misread, units)


class _Evidence:
    """The reads by what they say: each code that sightings agree on is a number, and so is each image without one."""

    def __init__(self, reads: Any, is_listed: Callable[[str], bool]) -> None:
        own = plain(reads)
        self.names: dict[str, Any] = {}
        self.columns: dict[str, Any] = {name: one(own.column(name)) for name in ("confidence", "when")}
        for name in ("image", "camera", "code"):
            self.columns[name], self.names[name] = numbered(one(own.column(name)))
        code = one(own.column("code"))
        agreed = one(pc.cast(reads.column(AGREED), pa.string())) if AGREED in reads.schema.names else code
        said, texts = numbered(_with_own(pc.coalesce(agreed, code), code, is_listed))
        self.texts: list[str] = texts.to_pylist()
        """The codes, in the order in which they appear."""
        said = self._with_unreadable(said)
        order = pc.sort_indices(said)
        self._rows = numbers(pc.cast(order, pa.int64()))
        self._starts = offsets(numbers(said), len(self.texts) + len(self.unreadable))
        self.certain = set(pc.unique(said.filter(one(own.column("certain")))).to_pylist())
        """Codes that a person has said."""
        self.times_read = {text: self.reads_of(number) for number, text in enumerate(self.texts)}
        self._others = self._otherwise(said)

    def _with_unreadable(self, said: Any) -> Any:
        """Return what each read says, numbering also the images of which no read says anything."""
        silent, image = pc.is_null(said), self.columns["image"]
        with_code = pc.unique(image.filter(pc.invert(silent)))
        none = pc.and_(silent, pc.invert(pc.is_in(image, value_set=with_code)))
        images, first = pc.dictionary_encode(image.filter(none)), len(self.texts)
        self.unreadable = range(first, first + len(images.dictionary))
        every = array("i", numbers(said, -1))
        for row, number in zip(
            numbers(pc.cast(pc.indices_nonzero(none), pa.int64())), numbers(images.indices), strict=True
        ):
            every[row] = first + number
        return of_numbers(every)

    def reads_of(self, number: int) -> int:
        """Return how many reads say a code."""
        return self._starts[number + 1] - self._starts[number]

    def _otherwise(self, said: Any) -> dict[int, list[str]]:
        """Return, for each code that a sighting says and not all of its reads do, what these say."""
        pairs = each_once(pa.table({"said": said, "code": self.columns["code"]}))
        own, texts = self.names["code"].take(one(pairs.column("code"))), pa.array(self.texts, pa.string())
        same = pc.equal(own, texts.take(one(pairs.column("said"))))
        other = set(pairs.column("said").filter(pc.invert(same)).to_pylist())
        found: dict[int, list[str]] = {number: [] for number in other}
        for number, text in zip(pairs.column("said").to_pylist(), own.to_pylist(), strict=True) if other else ():
            if number in other:
                found[number].append(text)
        return found

    def codes_of(self, number: int) -> list[str]:
        """Return the codes that were read where a sighting says one."""
        return self._others.get(number) or [self.texts[number]]

    def of(self, groups: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Return, by column, the evidence of each group of codes."""
        rows, number = array("q"), array("i")
        for group, texts in enumerate(groups):
            for text in texts:
                start, end = self._starts[text], self._starts[text + 1]
                rows.frombytes(self._rows[start:end].tobytes())
                number.frombytes((array("i", [group]) * (end - start)).tobytes())
        taken = of_numbers(rows)
        reads = {name: column.take(taken) for name, column in self.columns.items()}
        return gathered(of_numbers(number), len(groups), reads, self.names)


def _with_own(agreed: Any, code: Any, is_listed: Callable[[str], bool]) -> Any:
    """Return what each read says: its sighting's code, but its own where that is just a unit of the list.

    Sightings are made before the list is known: two units of it that look alike are never one of them.
    """
    differs = pc.fill_null(pc.not_equal(agreed, code), fill_value=False)
    pairs = zip(agreed.filter(differs).to_pylist(), code.filter(differs).to_pylist(), strict=True)
    says = [own if is_listed(own) and code_of(own).key != code_of(other).key else other for other, own in pairs]
    return pc.replace_with_mask(agreed, differs, pa.array(says, pa.string()))


def _whole(key: str) -> str:
    """Return a code, a container with its check digit."""
    return whole_container(key) or key


class _Book:
    """What each code was found to be, by unit."""

    def __init__(self, matcher: Matcher, evidence: _Evidence) -> None:
        self._evidence = evidence
        self._of: dict[str, list[tuple[Match, int, str | None]]] = {}
        self._maybe: dict[str, list[int]] = {}
        self._rest: list[tuple[int, MatchedCode]] = []
        every: dict[str, list[tuple[int, MatchedCode]]] = {}
        for number, text in enumerate(evidence.texts):
            found = matcher.find(text, is_certain=number in evidence.certain)
            if found.match in _ORDER:
                every.setdefault(found.units[0], []).append((number, found))
            else:
                self._leave(number, found)
        for unit, taken in every.items():
            self._take(matcher, unit, taken)

    def _take(self, matcher: Matcher, unit: str, taken: list[tuple[int, MatchedCode]]) -> None:
        """Note the codes that stand for a unit, and leave those that may as well be units of their own."""
        keys = [code_of(self._evidence.texts[number]).key for number, _ in taken]
        of = {
            match: {key for key, (_, found) in zip(keys, taken, strict=True) if found.match == match}
            for match in _ORDER
        }
        doubtful = matcher.series.doubtful(
            _whole(unit), of[Match.CONFUSABLE], of[Match.PARTIAL], is_read=bool(of[Match.MATCHED])
        )
        for key, (number, found) in zip(keys, taken, strict=True):
            if key in doubtful and found.match != Match.MATCHED:
                self._leave(number, MatchedCode(Match.AMBIGUOUS, (unit,), not_listed=(key,)))
            else:
                self._of.setdefault(unit, []).append((found.match, number, found.characters))

    def _leave(self, number: int, found: MatchedCode) -> None:
        """Note a code that is no unit's, or not certainly."""
        self._rest.append((number, found))
        for unit in found.units:
            self._maybe.setdefault(unit, []).append(number)

    def write_unit(self, unit: Expected, rows: _Rows) -> None:
        """Write one unit of the list."""
        code = code_of(unit.code)
        taken = self._of.get(code.key)
        if taken:
            best, characters = self._how(code.key, taken)
            status, numbers_, said = Status(best.value), tuple(number for _, number, _ in taken), characters
        elif maybe := self._maybe.get(code.key):
            status, numbers_, said = Status.AMBIGUOUS, tuple(maybe), None
        else:
            status, numbers_, said = Status.MISSING, (), None
        rows.add(status, UNIT, unit.code, numbers_, characters=said, ok=code.check_digit_ok, unit=unit)

    def _how(self, key: str, taken: list[tuple[Match, int, str | None]]) -> tuple[Match, str | None]:
        """Return how a unit was matched, and which characters were read otherwise."""
        best = min((match for match, _, _ in taken), key=_ORDER.index)
        if best == Match.MATCHED:
            codes = [code for _, number, _ in taken for code in self._evidence.codes_of(number)]
            if not any(_whole(code_of(code).key) == _whole(key) for code in codes):  # all say it together, none alone
                return Match.CONFUSABLE, said_of(codes[0], key) or None
        return best, ", ".join(sorted({said for match, _, said in taken if match == best and said})) or None

    def write_reads(self, rows: _Rows) -> None:
        """Write the codes that are no unit's, or not certainly."""
        texts = self._evidence.texts
        for number, found in sorted(self._rest, key=lambda each: texts[each[0]]):
            status = Status.AMBIGUOUS if found.match == Match.AMBIGUOUS else Status.EXTRA
            ok = code_of(texts[number]).check_digit_ok
            rows.add(status, READ, texts[number], (number,), found=found, ok=ok)


class _Rows:
    """Rows of the result, by column; their evidence comes last."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {
            name: []
            for name in (
                *("status", "about", "code", "characters", "candidates", "check_digit_ok"),
                *("expected_row", "expected", "not_listed"),
            )
        }
        self._texts: list[Sequence[int]] = []

    def add(  # noqa: PLR0913  # one row
        self,
        status: Status,
        about: str,
        code: str | None,
        texts: Sequence[int],
        *,
        characters: str | None = None,
        found: MatchedCode | None = None,
        ok: bool | None = None,
        unit: Expected | None = None,
    ) -> None:
        """Add one row.

        :param texts: the codes, or the images without one, that its evidence is of.
        """
        values = (
            *(status.value, about, code, characters, found.units if found else (), ok),
            *(unit.row if unit else None, unit.own if unit else None, found.not_listed if found else ()),
        )
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)
        self._texts.append(texts)

    def table(self, evidence: _Evidence) -> Any:
        """Return them as an Arrow table."""
        schema = reconciliation_schema()
        columns = {name: pa.array(values, schema.field(name).type) for name, values in self._columns.items()}
        columns |= evidence.of(self._texts)
        return pa.table([columns[name] for name in schema.names], schema=schema)
