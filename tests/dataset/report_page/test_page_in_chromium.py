"""The page in a real browser: nothing asked of anybody, nothing too wide, nothing that shuts a reader out."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest

from support.chromium import chromium
from support.report_scene import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_a_browser_finds_no_fault_with_it_however_wide_and_dark(tmp_path: Path) -> None:
    path = write(tmp_path, yard=True)
    with chromium() as browser:
        for theme, width in (("light", 1180), ("dark", 1180), ("light", 375)):
            browser.prefer(theme)
            browser.size(width)
            browser.open(path.as_uri())
            browser.wait("document.querySelector('figure img').naturalWidth")
            assert browser.faults() == []
            assert not browser.is_wider_than_its_window, width
        paper = browser.command("Page.printToPDF", preferCSSPageSize=True)["data"]

    assert {url for url in browser.requests if not url.startswith("data:")} == {path.as_uri()}
    boxes = set(re.findall(rb"/MediaBox \[0 0 (\d+)[.\d]* (\d+)", base64.b64decode(paper)))
    assert boxes <= {(b"594", b"841"), (b"595", b"842")}  # A4, in points
    assert boxes
