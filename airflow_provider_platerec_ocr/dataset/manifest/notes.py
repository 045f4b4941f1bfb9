"""What is to be said of a manifest beside its rows: counted while it is read, told once at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.images.times import TimeFault
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 60


@dataclass(slots=True)
class ManifestNotes:
    """Counts of what was left aside of rows that are read all the same."""

    times_without_zone: int = 0
    """Times that are null, since nothing says of which place they are."""
    times_not_understood: int = 0
    """Times that are null, since they are none."""
    columns_too_large: int = 0
    """Rows whose own columns do not come along, since they are too long."""
    backslashes: int = 0
    """Names with a backslash, which may be Windows' own paths."""
    hashes: int = 0
    """Lines of a list that begin with ``#``, which may be meant as comments."""
    dropped: set[str] = field(default_factory=set)
    """Parameters that were cut beside signatures, and may say which image it is."""
    examples: dict[str, str] = field(default_factory=dict)
    """The first of each."""

    @property
    def times_unknown(self) -> int:
        """Times that are null although the row says one."""
        return self.times_without_zone + self.times_not_understood

    def time_fault(self, fault: TimeFault, value: Any) -> None:
        """Count a time that is null."""
        if fault is TimeFault.NO_ZONE:
            self.times_without_zone += 1
        else:
            self.times_not_understood += 1
        self.examples.setdefault(fault.name, shorten(redact(str(value)), _SHOWN))

    def lines(self) -> Iterator[str]:
        """Yield what a person should know, as sentences for the log."""
        if self.times_without_zone:
            yield (
                f"{_rows(self.times_without_zone)} a time without a zone, such as "
                f"{self.examples['NO_ZONE']!r}: the image is read, and its time is null. Say where the clock hangs, "
                "as in timezone='Europe/Berlin'."
            )
        if self.times_not_understood:
            yield (
                f"{_rows(self.times_not_understood)} a time that cannot be understood, such as "
                f"{self.examples['NO_TIME']!r}: the image is read, and its time is null. Write it as "
                "2026-03-01T22:15:00Z."
            )
        if self.columns_too_large:
            yield (
                f"{_rows(self.columns_too_large)} more in manifest_columns than comes along of a row: the image is "
                "read, and its manifest_columns are null. Name fewer columns."
            )
        if self.backslashes:
            yield (
                f"{_rows(self.backslashes)} a backslash in its name, such as {self.examples['BACKSLASH']!r}. It is "
                "part of the name here: if it divides folders, write / instead."
            )
        if self.hashes:
            yield (
                f"{_rows(self.hashes)} a name that begins with #, such as {self.examples['HASH']!r}. A list has no "
                "comments: it is looked for as an image."
            )
        if self.dropped:
            yield (
                f"The queries of signed URLs do not count, and {', '.join(sorted(self.dropped))} was cut with them. If "
                "that says which image it is, name it in identity_params, or give each row an image_id."
            )


def _rows(number: int) -> str:
    return f"{count_of(number, 'row')} {agree(number, 'has', 'have')}"
