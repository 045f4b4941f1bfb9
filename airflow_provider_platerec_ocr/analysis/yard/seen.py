"""A table of reads as sightings, and the other way: each read with the code that its sighting says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.sightings import WINDOW, Read, sightings
from airflow_provider_platerec_ocr.analysis.yard.decode import NOTHING, vehicles
from airflow_provider_platerec_ocr.analysis.yard.outcome import AGREED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
    from airflow_provider_platerec_ocr.analysis.rules.sightings import Cameras, Sighting
    from airflow_provider_platerec_ocr.analysis.yard.decode import Vehicle

_BATCH = 20_000
_NEEDED = ("image", "code", "code_normalized", "confidence", "camera_id", "timestamp", "read_at")


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
            ("vin_make", text),
            ("vin_model", text),
            ("vin_year", pa.int32()),
            ("vin_body", text),
            ("vin_error", text),
        ]
    )


def sight(
    reads: Any, *, window: timedelta = WINDOW, cameras: Cameras | None = None, confusions: Confusions | None = None
) -> tuple[list[Sighting], Any]:
    """Return the sightings, and the reads with the code of their sighting as the column :data:`AGREED`.

    :param reads: an Arrow table as :func:`.reads.load` gives it; a read without a code is in no sighting.
    """
    columns = [reads.column(name).to_pylist() for name in _NEEDED]
    every = [
        Read(image, normalized or code, taken or read_at, camera, confidence)
        for image, code, normalized, confidence, camera, taken, read_at in zip(*columns, strict=True)
        if normalized or code
    ]
    found = sightings(every, window=window, cameras=cameras, confusions=confusions)
    said = {id(read): each.code for each in found for read in each.reads}
    codes = iter(every)
    agreed = [
        said[id(next(codes))] if normalized or code else None
        for code, normalized in zip(columns[1], columns[2], strict=True)
    ]
    return found, reads.append_column(AGREED, pa.array(agreed, pa.string()))


def sightings_table(found: Sequence[Sighting]) -> Any:
    """Return sightings as an Arrow table of :func:`sightings_schema`; of VINs with what they say of the vehicle."""
    known, schema = vehicles({each.code for each in found}), sightings_schema()
    parts = [
        pa.Table.from_pylist([_row(each, known.get(each.code, NOTHING)) for each in some], schema=schema)
        for some in (found[start : start + _BATCH] for start in range(0, len(found), _BATCH))
    ]
    return pa.concat_tables([schema.empty_table(), *parts])


def _row(each: Sighting, vehicle: Vehicle) -> dict[str, Any]:
    code = code_of(each.code)
    return {
        "code": each.code,
        "code_system": code.system,
        "check_digit_ok": code.check_digit_ok,
        "reads": len(each.reads),
        "agreeing": each.agreeing,
        "read_codes": list(dict.fromkeys(read.code for read in each.reads)),
        "confidence": each.confidence,
        "images": [read.image for read in each.reads],
        "cameras": sorted({read.camera for read in each.reads if read.camera is not None}),
        "first_seen": each.first_seen,
        "last_seen": each.last_seen,
        "vin_make": vehicle.make,
        "vin_model": vehicle.model,
        "vin_year": vehicle.year,
        "vin_body": vehicle.body,
        "vin_error": vehicle.error,
    }
