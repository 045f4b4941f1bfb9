"""How many of a folder's images are read right: ``python -m airflow_provider_platerec_ocr.sandbox.accuracy FOLDER``.

The folder holds images and a ``labels.csv`` or ``truth.csv`` with the columns ``file`` (or ``image``), ``type`` and
``truth``. Works without the server, for whoever changes the picking.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
import time
from collections import Counter
from pathlib import Path

from airflow_provider_platerec_ocr.sandbox.api.server import make_reader
from airflow_provider_platerec_ocr.sandbox.state.options import ReaderKind

LABEL_FILES = ("labels.csv", "truth.csv")
_SAFE_REPAIRS = str.maketrans("IOQ", "100")


def read_labels(folder: Path) -> list[tuple[Path, str, str]]:
    """Give (image, type, truth) for each row of the folder's label file.

    :raises FileNotFoundError: when the folder has none.
    """
    for name in LABEL_FILES:
        if (folder / name).exists():
            with (folder / name).open(newline="", encoding="utf-8") as file:
                return [
                    (folder / (row.get("file") or row["image"]), row["type"], row["truth"])
                    for row in csv.DictReader(file)
                ]
    msg = f"{folder} has none of {', '.join(LABEL_FILES)}"
    raise FileNotFoundError(msg)


def is_right(type_: str, truth: str, code: str | None) -> bool:
    """Compare exactly; in VINs only after the safe repairs, since they contain no I, O or Q."""
    return code == (truth.translate(_SAFE_REPAIRS) if type_ == "vin" else truth)


async def measure(folder: Path) -> Counter[tuple[str, bool]]:
    """Read all images, print each that is wrong, and count by type and right or wrong."""
    reader = make_reader(ReaderKind.OCR)
    await reader.start()
    counts: Counter[tuple[str, bool]] = Counter()
    for path, type_, truth in read_labels(folder):
        found = await reader.read(path.read_bytes(), type_)
        code = found[0].code if found else None
        counts[type_, is_right(type_, truth, code)] += 1
        if not is_right(type_, truth, code):
            sys.stdout.write(f"{path.name}: {truth} was read as {code}\n")
    await reader.close()
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Print wrong reads and totals; 0 whatever they are."""
    line = argparse.ArgumentParser(prog="python -m airflow_provider_platerec_ocr.sandbox.accuracy")
    line.add_argument("folder", type=Path, help="images with a labels.csv or truth.csv")
    folder = line.parse_args(arguments).folder
    began_s = time.monotonic()
    counts = asyncio.run(measure(folder))
    for type_ in sorted({type_ for type_, _ in counts}):
        right = counts[type_, True]
        sys.stdout.write(f"{type_}: {right} of {right + counts[type_, False]} exact\n")
    took_s = (time.monotonic() - began_s) / max(1, counts.total())
    sys.stdout.write(f"{took_s:.2f} s per image\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
