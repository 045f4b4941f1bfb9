"""Makes the project's own sample images, and plain ones by the thousand for load tests.

``python -m airflow_provider_platerec_ocr.sandbox.samples OUT --count 24 --seed 7`` draws photographs with their truth;
``… samples OUT --load 1000`` writes small valid JPEGs that differ in a comment only. The first needs Pillow and NumPy
(the ``sandbox`` extra), the second nothing.
"""

from __future__ import annotations

import argparse
import base64
import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.state.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SAMPLE_BYTES = 60_000
DEFAULT_LOAD_BYTES = 50_000
_QUALITIES = (82, 74, 66, 58, 50, 42)
_CAMERAS = ("gate-1", "gate-2", "lane-3", "dock-7")
_FIRST = datetime(2026, 3, 2, 22, 4, 11, tzinfo=UTC)
_TINY_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6"
    "/+b9//j/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8Ac//Z"
)
_MARK = "platerec_ocr_samples.txt"
"""Whoever plans paid calls looks for this file, so that no one pays for made-up images."""
_MARK_TEXT = """\
These photographs are drawn by a program; their names and codes are made up. While this file lies beside them, no plan
sends them to the real API, where each would be a paid call. A local API reads them all the same.
"""
_START_BYTES = 2
_SEGMENT_BYTES = 65_533


def make_samples(folder: Path, count: int = 24, seed: int = 7) -> list[Path]:
    """Draw sample photographs with ``manifest.csv`` and ``truth.csv``; the same seed gives the same files.

    A third file marks them as samples, which keeps the provider from sending them to the real API.

    :param folder: made if need be; files of the same names are overwritten.
    """
    from airflow_provider_platerec_ocr.sandbox.scenes import SCENES

    folder.mkdir(parents=True, exist_ok=True)
    rng = Random(seed)
    moment = _FIRST
    manifest, truths, paths = [], [], []
    for index in range(count):
        name, draw = SCENES[index % len(SCENES)]
        scene = draw(rng)
        path = folder / f"{name}_{index + 1:02}.jpg"
        for quality in _QUALITIES:
            scene.image.save(path, "JPEG", quality=quality, optimize=True)
            if path.stat().st_size <= MAX_SAMPLE_BYTES:
                break
        moment += timedelta(seconds=rng.randrange(40, 900))
        manifest.append((path.name, scene.type, rng.choice(_CAMERAS), iso(moment)))
        truths.append((path.name, scene.type, scene.truth, scene.orientation.value))
        paths.append(path)
    _write(folder / "manifest.csv", ("image", "type", "camera_id", "timestamp"), manifest)
    _write(folder / "truth.csv", ("image", "type", "truth", "orientation"), truths)
    (folder / _MARK).write_text(_MARK_TEXT, encoding="utf-8")
    return paths


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def make_load_images(folder: Path, count: int, size_bytes: int = DEFAULT_LOAD_BYTES, seed: int = 0) -> list[Path]:
    """Write distinct valid JPEGs quickly.

    :param size_bytes: size of each file; at least that of a tiny JPEG with a comment.
    :param seed: other seeds give other files.
    :raises ValueError: for a size that is too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"load_{index:06}.jpg" for index in range(1, count + 1)]
    for index, path in enumerate(paths, 1):
        path.write_bytes(load_image(f"{seed}-{index}", size_bytes))
    return paths


def load_image(name: str, size_bytes: int = DEFAULT_LOAD_BYTES) -> bytes:
    """Make a JPEG of exactly that size whose comment begins with a name; other names give other bytes.

    :raises ValueError: for a size that is too small for the name.
    """
    room = size_bytes - len(_TINY_JPEG)
    comment = b""
    text = name.encode() + b" "
    while room > 0:
        # A segment is a marker, a length (which counts itself) and data; one too short to stand alone is avoided.
        take = min(room - 4, _SEGMENT_BYTES)
        if 0 < room - 4 - take < len(text) + 4:
            take -= len(text) + 4
        if take < len(text):
            break
        comment += b"\xff\xfe" + (take + 2).to_bytes(2, "big") + text.ljust(take, b".")
        room -= take + 4
    if room != 0 or not comment:
        msg = f"size_bytes={size_bytes} is too small; the least is {len(_TINY_JPEG) + 4 + len(text)}"
        raise ValueError(msg)
    return _TINY_JPEG[:_START_BYTES] + comment + _TINY_JPEG[_START_BYTES:]


def main(arguments: list[str] | None = None) -> int:
    """Make images from the command line and say how many lie where."""
    line = argparse.ArgumentParser(prog="python -m airflow_provider_platerec_ocr.sandbox.samples")
    line.add_argument("out", type=Path, help="folder to write to")
    line.add_argument("--count", type=int, default=24, help="sample photographs (default: %(default)s)")
    line.add_argument("--seed", type=int, default=7, help="other seeds give other images (default: %(default)s)")
    line.add_argument("--load", type=int, metavar="N", help="write N plain images for load tests instead")
    line.add_argument("--size-bytes", type=int, default=DEFAULT_LOAD_BYTES, help="of each load image (%(default)s)")
    given = line.parse_args(arguments)
    try:
        if given.load is None:
            paths = make_samples(given.out, given.count, given.seed)
        else:
            paths = make_load_images(given.out, given.load, given.size_bytes, given.seed)
    except ValueError as error:
        line.error(str(error))
    sys.stdout.write(f"{len(paths)} images in {given.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
