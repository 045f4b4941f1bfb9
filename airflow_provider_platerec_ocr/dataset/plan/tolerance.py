"""How many bad rows a plan lets pass: pure rules, and the words for what went beyond them.

A few bad rows are people's slips, and the rest is read. Many of them are a changed export, a wrong file or a wrong
delimiter, and a run that reads what is left of it looks like a night in which all went well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.images.facts import is_missing
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow

DEFAULT_SHARE = 0.1
"""Of all rows."""
SHOWN = 5
"""Bad rows that an error names."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Most bad rows of a manifest: a number, or a share of its rows."""

    rows: int | None = None
    """``None`` where it is a share."""
    share: float = DEFAULT_SHARE
    """0 to 1."""

    @classmethod
    def of(cls, value: Any, name: str = "max_bad_rows", default: float = DEFAULT_SHARE) -> Tolerance:
        """Return what a person asked for.

        :param value: a whole number of rows (``20``, ``"20"``), or a share of them (``"10%"``, ``0.1``, ``"0.1"``):
            what has a point or a percent sign is a share. Nothing, or empty text, is the default.
        :param name: of the argument, for the error.
        :param default: a share, 0 to 1.
        :raises OCRConfigError: it is neither.
        """
        text = "" if is_missing(value) else str(value).strip()
        if text in {"", "None"}:
            return cls(share=default)
        try:
            if text.isascii() and text.isdigit() and not isinstance(value, float):
                return cls(rows=int(text))
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1
        if isinstance(value, bool) or not 0 <= share <= 1:
            message = f"{name} must be a number, such as 20, or a share, such as '10%', not {value!r}."
            raise OCRConfigError(message)
        return cls(share=share)

    def lets_pass(self, bad: int, rows: int) -> bool:
        """Return whether so many bad rows of all are let pass; none always are."""
        return bad <= (math.floor(self.share * rows + 1e-9) if self.rows is None else self.rows)

    def __str__(self) -> str:
        """Return it as it can be given."""
        return f"{self.share * 100:g}%" if self.rows is None else str(self.rows)


ANY_NUMBER = Tolerance(share=1.0)
"""All rows may be bad."""


def too_many_bad_rows(
    manifest: str, bad: int, rows: int, tolerance: Tolerance, first: Sequence[BadRow]
) -> OCRManifestError:
    """Return the error of a manifest with more bad rows than are let pass.

    :param manifest: as it may be shown.
    :param first: the first few of them.
    """
    named = " ".join(
        f"Row {each.row}{f' ({each.image})' if each.image else ''}: {each.message}" for each in first[:SHOWN]
    )
    return OCRManifestError(
        f"{bad:,} of {count_of(rows, 'row')} of {manifest} cannot be used, and max_bad_rows lets {tolerance} pass: "
        f"nothing is planned. {named}{' …' if bad > SHOWN else ''} Correct the manifest; or let more pass with "
        "max_bad_rows, a number of rows or a share such as '50%': then they become dead letters."
    )
