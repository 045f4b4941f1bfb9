"""What is different tonight: each figure beside what it usually is. Pure, so that the rule can be read and tested.

*Usual* is the middle of the nights before, at most :data:`NIGHTS`. A figure stands out where it is above or below all
of them, by a tenth of the usual at least, and there are enough of them to say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.report_page import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_platerec_ocr.dataset.report.nights import Night

NIGHTS = 7
"""Nights before that a figure is held against."""
ENOUGH = 3
"""Nights before, from which on a figure can stand out."""
_A_TENTH = 0.1


@dataclass(frozen=True, slots=True)
class ChangedFigure:
    """One figure, tonight and usually, in words."""

    label: str
    now: str
    usual: str
    change: str
    stands_out: bool


def stands_out(now: float, before: Sequence[float]) -> bool:
    """Return whether a figure is unlike all of the nights before."""
    if len(before) < ENOUGH or min(before) <= now <= max(before):
        return False
    usual = median(before)
    return abs(now - usual) >= _A_TENTH * abs(usual)


def changes(tonight: Night, nights: Sequence[Night]) -> list[ChangedFigure]:
    """Return the figures of a run beside the usual ones; those that neither it nor the nights before have are left out.

    :param nights: runs of the dataset, newest first; those of other DAGs and task groups, and those that planned
        nothing, do not count.
    """
    others = (each for each in nights if each.run != tonight.run and each.images)
    before = [each for each in others if _batch(each) == _batch(tonight)]
    found = []
    for label, of, said in _FIGURES:
        now = of(tonight)
        past = [value for each in before[:NIGHTS] if (value := of(each)) is not None]
        if now is None or not past:
            continue
        usual = median(past)
        found.append(ChangedFigure(label, said(now), said(usual), words.change(now, usual), stands_out(now, past)))
    return found


def _batch(night: Night) -> tuple[str, str]:
    """Return what tells the batches of a dataset apart: a report's name begins with its DAG and task group."""
    return night.dag_id, night.run.partition("__")[0]


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _share(part: str, whole: str) -> Callable[[Night], float | None]:
    def of(night: Night) -> float | None:
        some, every = getattr(night, part), getattr(night, whole)
        return None if some is None or not every else some / every

    return of


def _own(name: str) -> Callable[[Night], float | None]:
    return lambda night: getattr(night, name)


_FIGURES: tuple[tuple[str, Callable[[Night], float | None], Callable[[float], str]], ...] = (
    ("Images planned", _own("images"), _count),
    ("Images read", _own("reads"), _count),
    ("Calls billed", _own("billed"), _count),
    ("Answered by the ledger", _own("from_ledger"), _count),
    ("Dead letters", _own("dead_letters"), _count),
    ("In doubt", _own("in_doubt"), _count),
    ("Carried over", _own("carried_over"), _count),
    ("Check digits that fail", _share("failed_checks", "checked"), words.percent),
    ("Seconds for an image read", _share("seconds", "reads"), lambda value: f"{value:.2f} s"),
    ("Time taken", _own("seconds"), words.seconds),
)
