"""What a publication found and wrote, as a frozen value for XCom, the report and the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.money import Price


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Counts and locations of one publication."""

    planned: int = 0
    """Images of the plan."""
    reads: int = 0
    """Images that were read, with or without an identifier."""
    rows: int = 0
    """Rows of the dataset's new files: one for each identifier, or one for a read without any."""
    nothing_found: int = 0
    """Reads without an identifier."""
    unread: int = 0
    """Reads whose answer this version cannot understand; it is kept."""
    from_ledger: int = 0
    """Reads whose answer was in the ledger already."""
    calls_billed: int = 0
    """Calls of this run that were answered or are in doubt."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    """How many, by reason; bad rows of the manifest included."""
    in_doubt: int = 0
    """Of these, images with a call whose outcome is unknown."""
    held_elsewhere: int = 0
    """Images that another run was reading: the next run finds them again."""
    carried_over: int = 0
    """Images that were not sent because the quota ended: the next run finds them again."""
    already_published: int = 0
    """Images that were read and add no row, since the dataset has what they say."""
    published_by: dict[str, int] = field(default_factory=dict)
    """Of these, how many by the run that published it first; empty text for an earlier row of this one."""
    forgotten: int = 0
    """Images whose content was deleted, here or before: neither sent nor published."""
    missing: int = 0
    """Planned images without any outcome: the run is not whole."""
    missing_images: tuple[str, ...] = ()
    """The first few of these."""
    reads_by_type: dict[str, int] = field(default_factory=dict)
    """Images read, by type."""
    files: tuple[str, ...] = ()
    """Files of the dataset, relative to its folder."""
    repeat_files: tuple[str, ...] = ()
    """Files of the images that add no row, relative to their folder."""
    dead_letter_files: tuple[str, ...] = ()
    """Files of the dead letters, relative to their folder."""
    removed: tuple[str, ...] = ()
    """Leftovers of the same run that are gone now."""

    @property
    def accounted_for(self) -> bool:
        """Whether every planned image has an outcome; a run in which one has none must not look like a success."""
        return not self.missing

    @property
    def whole(self) -> bool:
        """Whether, besides, none was left to the next run because the quota ended."""
        return self.accounted_for and not self.carried_over

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-ready data."""
        return asdict(self)

    def describe(self, price: Price | None = None) -> list[str]:
        """Return what a person wants to know, as sentences for the log.

        :param price: what calls cost; without one, the sentences speak of calls alone.
        """
        said = []
        if self.planned or self.dead_letters:
            said.append(f"{count_of(self.reads, 'image')} of {self.planned:,} read, {count_of(self.rows, 'row')}.")
            said += self._billed(price)
        else:
            said.append("The plan is empty: nothing was read and nothing is published.")
        if self.already_published:
            said.append(self._already_published())
        if self.nothing_found:
            said.append(f"Nothing found on {count_of(self.nothing_found, 'image')}.")
        if self.unread:
            said.append(
                f"{count_of(self.unread, 'answer')} in a form that this version does not know: kept, and never paid "
                "for again. See `ledger … reparse`."
            )
        if self.dead_letters:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(self.dead_letters.items()))
            said.append(f"Dead letters: {reasons}.")
        if self.held_elsewhere:
            said.append(f"{count_of(self.held_elsewhere, 'image')} left to another run that is reading them.")
        if self.carried_over:
            said.append(
                f"{count_of(self.carried_over, 'image')} carried over to the next run: the quota ended, or its reserve "
                "was reached, before they could be sent."
            )
        if self.forgotten:
            said.append(f"{count_of(self.forgotten, 'image')} left out: what they were read as was deleted.")
        if self.missing:
            names = ", ".join(self.missing_images) + (", …" if self.missing > len(self.missing_images) else "")
            said.append(f"{count_of(self.missing, 'image')} without an outcome, so this run is not whole: {names}.")
        return said

    def _billed(self, price: Price | None) -> list[str]:
        calls = f"{count_of(self.calls_billed, 'call')} billed, {self.from_ledger:,} answered by the ledger."
        if price is None:
            return [calls]
        return [calls, f"It cost {price.say(self.calls_billed)}; the ledger saved {price.say(self.from_ledger)}."]

    def _already_published(self) -> str:
        """Return the sentence about images that add no row."""
        others = [(run, number) for run, number in self.published_by.items() if run]
        by = ", ".join(f"{number:,} by {run}" for run, number in sorted(others, key=lambda each: -each[1])[:NAMED_RUNS])
        more = [by] if by else []
        if len(others) > NAMED_RUNS:
            more.append(f"others by {count_of(len(others) - NAMED_RUNS, 'more run')}")
        if here := self.published_by.get(""):
            more.append(f"{here:,} under another name of this run")
        images = count_of(self.already_published, "image")
        return f"{images} already published, so without rows of their own: {'; '.join(more)}."


NAMED_RUNS = 3
"""Runs that a sentence names."""
