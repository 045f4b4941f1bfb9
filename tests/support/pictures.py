"""Small pictures for tests, and places to put them."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import fsspec
from PIL import Image

from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from pathlib import Path


def picture(kind: str = "JPEG", size: tuple[int, int] = (32, 24), mode: str = "RGB", **options: object) -> bytes:
    """Return a picture of one colour."""
    target = io.BytesIO()
    Image.new(mode, size, 90).save(target, kind, **options)
    return target.getvalue()


def noise(kind: str = "JPEG", size: tuple[int, int] = (400, 300), mode: str = "RGB", **options: object) -> bytes:
    """Return a picture that compresses badly."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    data = random.Random(7).randbytes(size[0] * size[1] * bands)  # noqa: S311  # pixels, not secrets
    target = io.BytesIO()
    Image.frombytes(mode, size, data).save(target, kind, **options)
    return target.getvalue()


def opened(uri: str) -> StoragePath:
    """Open a URI as the wiring does, on fsspec alone."""
    fs, path = fsspec.core.url_to_fs(uri)
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    return StoragePath(fs, path, protocol)


def local(path: Path) -> StoragePath:
    """Return a folder of this machine as a place."""
    return opened(str(path))
