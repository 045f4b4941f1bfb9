"""What is known besides the reads: what the own cameras confuse, and whether there are vehicles with a VIN.

Confusions are learned from what persons corrected, or from a file of what images really show. Of VINs with one wrong
character whose check digit fits all the same, some 94 % do not decode.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions, observed
from airflow_provider_platerec_ocr.analysis.rules.misreads import nobody_knows
from airflow_provider_platerec_ocr.analysis.yard.decode import NOTHING, source, vehicles
from airflow_provider_platerec_ocr.analysis.yard.judging import judged, read_truth
from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.corrections.overlay import FROM_PERSON, NEEDED, overlay
from airflow_provider_platerec_ocr.dataset.corrections.table import load_corrections
from airflow_provider_platerec_ocr.dataset.table.reading import load_reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

DEFAULT, CORRECTIONS = "default", "corrections"
"""What a user says instead of a file: the table that comes along, or what persons corrected."""
_TOLD = 20
_REMEMBERED = 100_000
_FOR_TRUTH = (
    *("image", "code", "code_normalized", "confidence", "camera_id", "orientation", "read_type"),
    *("image_name", "filename"),
)


@dataclass(frozen=True, slots=True)
class Learned:
    """Which characters are taken for one another, and where that is known from."""

    confusions: Confusions
    source: str = DEFAULT
    """``default``, ``corrections``, or the truth file."""
    pairs: int = 0
    """Codes whose truth is known."""
    seen: tuple[tuple[str, str, int], ...] = ()
    """(True character, character read, how often), most often first."""

    def summary(self) -> dict[str, Any]:
        """Return it for programs; of what was seen the most frequent."""
        learned = [{"truth": a, "read": b, "times": number} for a, b, number in self.seen[:_TOLD]]
        return {"source": self.source, "pairs": self.pairs, "learned": learned}

    def __str__(self) -> str:
        """Return it in words."""
        if self.source == DEFAULT:
            return "Which characters are taken for one another: by the table that comes along."
        said = ", ".join(f"{a} read as {b} ({number:,})" for a, b, number in self.seen[:_TOLD]) or "nothing"
        return f"Learned from {self.source}, {count_of(self.pairs, 'code')} whose truth is known: {said}."


def learned(
    how: str | None, dataset: StoragePath, corrections: StoragePath, *, opener: Opener | None = None
) -> Learned:
    """Return which characters are taken for one another.

    :param how: ``default`` or nothing: the table that comes along; ``corrections``: what persons corrected in this
        dataset, on any day; else a truth file, see :func:`.judging.read_truth`. What was seen is added to the table.
    :param corrections: where corrections lie.
    :param opener: opens the truth file, instead of fsspec.
    :raises OCRManifestError: the truth file cannot be read, or knows none of the dataset's images.
    """
    text = (how or "").strip()
    if text in {"", "None", DEFAULT}:
        return Learned(Confusions())
    pairs = _corrected(dataset, corrections) if text == CORRECTIONS else _true(dataset, text, opener)
    keys = [(code_of(truth).key, code_of(read).key) for truth, read in pairs]
    counts = sorted(((*pair, number) for pair, number in observed(keys).items()), key=lambda each: (-each[2], each))
    return Learned(Confusions().with_observed(keys), redact(text), len(pairs), tuple(counts))


def _corrected(dataset: StoragePath, corrections: StoragePath) -> list[tuple[str, str]]:
    """Return (what persons say, what was read) of all codes that they looked at."""
    table = load_corrections(corrections)
    reads = load_reads(dataset, list(dict.fromkeys([*NEEDED, *FROM_PERSON])))
    about = [pc.is_in(reads.column(name), value_set=_known(table, name)) for name in ("image", "fingerprint")]
    said = overlay(reads.filter(pc.or_(*about)), table).select(["code_normalized", "code_as_read"]).drop_null()
    return list(zip(*said.to_pydict().values(), strict=True))


def _known(table: Any, name: str) -> Any:
    return pa.array(table.column(name).drop_null().to_pylist(), pa.string())


def _true(dataset: StoragePath, uri: str, opener: Opener | None) -> list[tuple[str, str]]:
    """Return (what an image shows, what was read) of all images of a truth file that the dataset has."""
    option = "confusions"
    truth = read_truth(uri, opener=opener, option=option)
    every = judged(load_reads(dataset, _FOR_TRUTH), truth)
    if not every:
        message = (
            f"{option}: no image of {redact(uri)} is among the reads, so nothing can be learned from it. Are the "
            f"images' names the same? Give {CORRECTIONS!r} to learn from what persons corrected."
        )
        raise OCRManifestError(message)
    return [(each.truth, each.read) for each in every if each.read]


def decoder() -> Callable[[str], bool | None]:
    """Return what says whether there are vehicles with a VIN; without the extra ``vin`` nobody knows of any."""
    return decodes if source() else nobody_knows


@functools.lru_cache(maxsize=_REMEMBERED)
def decodes(vin: str) -> bool | None:
    """Return whether the tables have vehicles with this VIN: ``False``: there can be none, ``None``: they do not say.

    A maker, a model or a year that they do not know says nothing, and neither does any VIN from elsewhere than North
    America that they do not know.
    """
    vehicle = vehicles([vin]).get(vin, NOTHING)
    if vehicle.is_refused:
        return False
    return True if vehicle.is_known else None
