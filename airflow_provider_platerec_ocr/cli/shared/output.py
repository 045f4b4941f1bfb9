"""Where a command puts its answer: tables and sentences for people, one JSON object for programs."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.cli.shared.common import FINE, complain, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from types import TracebackType

TABLE, JSON, CSV = "table", "json", "csv"


def takes_output(parser: argparse.ArgumentParser, *more: str) -> None:
    """Have a command answer in the form that is asked for.

    :param more: forms that it has besides.
    """
    others = "".join(f"{each.upper()}, " for each in more)
    about = f"form of the answer: a table for people (default), {others}or one JSON object for programs"
    parser.add_argument("-o", "--output", choices=(TABLE, JSON, *more), default=TABLE, help=about)


class Output:
    """The answer of one command. As JSON, it is written at the end, unless the command fails with an error.

    :param form: ``table`` or ``json``.
    """

    def __init__(self, form: str = TABLE) -> None:
        self._facts: dict[str, Any] | None = {} if form == JSON else None

    @property
    def for_people(self) -> bool:
        """Whether a person reads it."""
        return self._facts is None

    def say(self, line: str) -> None:
        """Say one line to a person."""
        if self.for_people:
            say(line)

    def facts(self, pairs: Iterable[tuple[str, str | None]]) -> None:
        """Say named facts to a person, below one another; those that are ``None`` or empty are left out."""
        told = [(name, text) for name, text in pairs if text]
        width = max((len(name) for name, _ in told), default=0)
        for name, text in told:
            self.say(f"{name:<{width}}  {text}")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Show a person a table."""
        for line in lines_of(heads, rows) if self.for_people else ():
            self.say(line)

    def put(self, **facts: Any) -> None:
        """Give programs these keys."""
        if self._facts is not None:
            self._facts |= facts

    def add(self, key: str, item: Any) -> None:
        """Give programs one more item of a list."""
        if self._facts is not None:
            self._facts.setdefault(key, []).append(item)

    def refuse_without_yes(self, line: str, *, dry_run: bool = False) -> int:
        """Say that what was listed was not done, since ``--yes`` is missing, and return the exit code.

        :param line: what would become of it, and what to add.
        :param dry_run: nobody asked for more than the list.
        """
        self.put(done=False)
        return FINE if dry_run else complain(line)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Write the JSON."""
        if self._facts is not None and kind is None:
            say(json.dumps(self._facts, indent=2, ensure_ascii=False, default=str))


def lines_of(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return a table as lines: columns as wide as they need, numbers to the right, whole numbers with commas."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(column) and all(map(_is_number, column)) for column in zip_longest(*rows_of(cells, heads))]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [list(heads), *cells]
    ]


def rows_of(cells: list[list[str]], heads: Sequence[str]) -> list[list[str]]:
    """Return the rows, or one empty row where there is none, so that there are as many columns as heads."""
    return cells or [[""] * len(heads)]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "".join(sign if sign.isprintable() else "?" for sign in str(value))  # names of files come from anybody


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(",", "").replace(".", "", 1).isdigit()
