"""Somebody else's calls: what a phone or a camera sends to the API, without any code of ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from support.sandbox import Sandbox


def read_with_phones(sandbox: Sandbox, images: Iterable[Path], phones: int = 16) -> int:
    """Read images with several phones at once, and return how many the API answered."""
    with httpx.Client(headers={"Authorization": f"Token {sandbox.token}"}, timeout=PATIENCE_S) as client:

        def read(image: Path) -> None:
            files = {"upload": (f"phone {image.name}", image.read_bytes(), "image/jpeg")}
            client.post(f"{sandbox.url}/v1/ocr/reader/", data={"type": "vin"}, files=files).raise_for_status()

        with ThreadPoolExecutor(phones) as pool:
            return len(list(pool.map(read, images)))
