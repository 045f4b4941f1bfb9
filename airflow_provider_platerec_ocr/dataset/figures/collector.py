"""Counts a run's rows while they are published, shard by shard, with bounded memory.

The export must never fail for a figure, and must hardly be slower for one: everything goes by the column, and a row
becomes a Python object only where it is among the few that are shown.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.figures.model import DOUBTFUL_BELOW, Doubtful, Figures, Letter
from airflow_provider_platerec_ocr.dataset.figures.spreads import BatchColumns, Spreads
from airflow_provider_platerec_ocr.dataset.figures.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
MOST_DOUBTFUL = 50
"""Reads that come out to be looked at."""
MOST_LETTERS = 20
"""Dead letters of one reason that come out."""
_WRONG, _LOW, _SEVERAL, _FINE = 0.0, 1.0, 2.0, 9.0
"""Where each kind of doubt begins: the confidence, from 0 to 1, tells those of one kind apart."""
_SHOWN = ("image", "image_name", "image_version", "fingerprint", "manifest_row", "code", "code_normalized")
_FACTS = (*_SHOWN, "confidence", "check_digit_ok", "identifier_count", "camera_id")


class Collector:
    """Takes what an export comes across, and says in the end what it was.

    A figure that cannot be counted is logged once, and then nothing more is counted: the table is what matters.
    """

    def __init__(self) -> None:
        self._spreads = Spreads()
        self._timing = Timing()
        self._shard = -1
        self._several = self._doubts = 0
        self._doubtful: list[tuple[float, int, Doubtful]] = []
        self._letters: dict[str, list[Letter]] = {}
        self._works = True

    def take_shard(self, outcomes: Any) -> None:
        """Take all outcomes of the next shard of the plan, an Arrow table as of :func:`~..table.outcome_table`."""
        self._shard += 1
        self._try(self._timing.add, outcomes)

    def take_rows(self, type_: str, rows: Any) -> None:
        """Take the rows that the shard's reads of one type became."""
        if rows.num_rows:
            self._try(self._take_rows, type_, rows)

    def take_letter(self, letter: dict[str, Any]) -> None:
        """Take a dead letter, as it goes into the table."""
        self._try(self._take_letter, letter)

    def figures(self) -> Figures:
        """Return what was counted; nothing at all where that failed."""
        if not self._works:
            return Figures()
        return Figures(
            types=self._spreads.types(),
            cameras=self._spreads.cameras(),
            several=self._several,
            calls=self._timing.calls(),
            read_until=self._timing.until,
            doubtful=tuple(found for _, _, found in self._doubtful),
            doubts=self._doubts,
            letters=tuple(letter for reason in sorted(self._letters) for letter in self._letters[reason]),
        )

    def _try(self, count: Callable[..., None], *what: Any) -> None:
        if not self._works:
            return
        try:
            count(*what)
        except Exception:
            self._works = False
            log.exception("The figures of this run are missing in its report. The table is not touched by that.")

    def _take_rows(self, type_: str, rows: Any) -> None:
        import numpy as np
        import pyarrow.compute as pc

        columns = BatchColumns.of(rows)
        self._spreads.add(type_, rows, columns)
        counts = pc.fill_null(rows.column("identifier_count"), 0).to_numpy()
        several = (counts > 1) & (pc.fill_null(rows.column("identifier_index"), -1).to_numpy() == 0)
        self._several += int(several.sum())
        score = np.where(several, _SEVERAL, _FINE)
        low = columns.has_code & (columns.confidence < DOUBTFUL_BELOW)  # which NaN is not
        score = np.where(low, _LOW, score)
        score = np.where(columns.checks == 0, _WRONG, score)
        self._doubts += int((score < _FINE).sum())
        score = score + np.nan_to_num(columns.confidence, nan=1.0) * 0.999
        self._keep_worst(type_, rows, score)

    def _keep_worst(self, type_: str, rows: Any, score: Any) -> None:
        """Keep the most doubtful rows of all so far, one for each image."""
        import numpy as np

        full = len(self._doubtful) >= MOST_DOUBTFUL
        places = np.flatnonzero(score < (self._doubtful[-1][0] if full else _FINE))
        if not len(places):
            return
        places = places[np.argsort(score[places], kind="stable")][:MOST_DOUBTFUL]
        found = rows.select(list(_FACTS)).take(places).to_pylist()
        fresh = [
            (worth, fact["manifest_row"] or 0, _doubtful(fact, type_, self._shard))
            for worth, fact in zip(score[places].tolist(), found, strict=True)
        ]
        ranked = sorted([*self._doubtful, *fresh], key=lambda each: each[:2])
        once = {(each.type, each.image, each.image_version): (worth, row, each) for worth, row, each in ranked[::-1]}
        self._doubtful = sorted(once.values(), key=lambda each: each[:2])[:MOST_DOUBTFUL]

    def _take_letter(self, letter: dict[str, Any]) -> None:
        kept = self._letters.setdefault(letter["reason"], [])
        if len(kept) < MOST_LETTERS:
            known = {name: letter.get(name) for name in ("image", "image_version", "fingerprint", "row")}
            said = letter.get("message") or ""
            kept.append(Letter(letter["reason"], said, **known, permanent=bool(letter.get("permanent"))))


def _doubtful(fact: dict[str, Any], type_: str, shard: int) -> Doubtful:
    count, confidence = fact["identifier_count"] or 0, fact["confidence"]
    why = ["wrong check digit"] if fact["check_digit_ok"] is False else []
    if confidence is not None and confidence < DOUBTFUL_BELOW:
        why.append(f"confidence {confidence:.2f}")
    if count > 1:
        why.append(f"several codes on one image ({count})")
    return Doubtful(
        why=tuple(why),
        image=fact["image"],
        image_name=fact["image_name"] or fact["image"],
        image_version=fact["image_version"],
        fingerprint=fact["fingerprint"],
        type=type_,
        row=fact["manifest_row"],
        code=fact["code"] or "",
        code_normalized=fact["code_normalized"],
        confidence=confidence,
        camera=fact["camera_id"],
        shard=shard,
    )
