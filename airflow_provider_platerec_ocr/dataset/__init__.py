"""Manifest to plan, outcomes to table: the only home of pyarrow.

Importing it is cheap; pyarrow and pandas are imported inside the functions that need them. It knows neither Airflow nor
the engine: places come in opened (:class:`~airflow_provider_platerec_ocr.storage.path.StoragePath`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.dataset.search.find import find_reads
    from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset, read_dead_letters
    from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct

__all__ = ["correct", "find_reads", "read_dataset", "read_dead_letters"]


def __getattr__(name: str) -> Any:
    """Import a function when somebody asks for it."""
    if name == "correct":
        from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct  # lazy, as below

        return correct
    if name == "find_reads":
        from airflow_provider_platerec_ocr.dataset.search.find import find_reads  # lazy, as below

        return find_reads
    if name in __all__:
        from airflow_provider_platerec_ocr.dataset.table import reading

        return getattr(reading, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
