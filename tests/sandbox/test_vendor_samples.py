"""The samples of the API's own document, run as they are printed there, but for the host and the image's path.

The document's page has lost the indentation of its Python sample and the file of its Windows command (an e-mail filter
took ``upload=@your-image.jpg`` for an address); both are restored here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.sandbox.samples import load_image
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sandbox import Sandbox

HOST = "https://api.platerecognizer.com"

LINUX = """
curl -F "upload=@/your-image.jpg" \\
-F "type=trailer_id" \\
-H "Authorization: Token YOUR_API_TOKEN" \\
https://api.platerecognizer.com/v1/ocr/reader/
"""
BY_URL = (
    'curl -X POST -F upload_url="https://www.demo.com/static/your-image.jpg" -F "type=vin" '
    '-H "Authorization: Token YOUR_API_TOKEN" https://api.platerecognizer.com/v1/ocr/reader/'
)
WINDOWS = """
curl -F "upload=@your-image.jpg" ^
-F "type=trailer_id" ^
-H "Authorization: Token YOUR_API_TOKEN" ^
https://api.platerecognizer.com/v1/ocr/reader/
"""
STATISTICS = """
curl -H "Authorization: Token YOUR_API_TOKEN" \\
https://api.platerecognizer.com/v1/ocr/statistics/
"""
PYTHON = """
import requests
from pprint import pprint
with open('/path/to/your-image.jpg', 'rb') as fp:
    response = requests.post(
        'https://api.platerecognizer.com/v1/ocr/reader/',
        data=dict(type='trailer_id'),
        files=dict(upload=fp),
        headers={'Authorization': 'Token YOUR_API_TOKEN'})
#For files field, if needed, use imencode method of cv2 library to encode an image and producing a compressed
pprint(response.json())
"""
WITHOUT_FILES = """
import requests
response = requests.post(
'https://api.platerecognizer.com/v1/ocr/reader/',
data=dict(type='vin'),
headers={'Authorization': 'Token YOUR_API_TOKEN'})
"""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "your-image.jpg"
    path.write_bytes(load_image("vendor", 40_000))
    return path


def run(command: str, shared: Sandbox, folder: Path) -> dict[str, Any]:
    """Run a shell command of the document against the sandbox."""
    line = (
        command.replace(HOST, shared.url).replace("@/your-image.jpg", "@your-image.jpg").replace("curl ", "curl -s ", 1)
    )
    shell = ["/bin/sh", "-c", line]  # the document's own line
    done = subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=True, timeout=PATIENCE_S)  # noqa: S603
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@needs_curl
@pytest.mark.parametrize("command", [LINUX, WINDOWS.replace("^", "\\")], ids=["linux", "windows"])
def test_curl_uploads_a_file(command: str, shared: Sandbox, image: Path) -> None:
    answer = run(command, shared, image.parent)
    assert answer["filename"] == "your-image.jpg"
    assert len(answer["results"][0]["identifier"]["props"]["code"][0]["value"]) == 11


@needs_curl
def test_curl_sends_a_url(shared: Sandbox, tmp_path: Path) -> None:
    answer = run(BY_URL, shared, tmp_path)
    assert answer["filename"] == "your-image.jpg"
    assert len(answer["results"][0]["identifier"]["props"]["code"][0]["value"]) == 17


@needs_curl
def test_curl_asks_for_statistics(shared: Sandbox, tmp_path: Path) -> None:
    assert set(run(STATISTICS, shared, tmp_path)) == {"usage", "total_calls"}


def test_the_python_sample_prints_an_answer(shared: Sandbox, image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(PYTHON.replace(HOST, shared.url).replace("/path/to/your-image.jpg", str(image)), names)  # noqa: S102 - the document's sample
    assert names["response"].status_code == 200
    assert "'filename': 'your-image.jpg'" in capsys.readouterr().out


def test_the_opencv_sample_sends_no_file_and_is_told_so(shared: Sandbox) -> None:
    # As printed it makes `files` and never passes it; the request it does make is the one below.
    names: dict[str, Any] = {}
    exec(WITHOUT_FILES.replace(HOST, shared.url), names)  # noqa: S102 - the document's sample
    assert (names["response"].status_code, names["response"].json()) == (400, {"upload": ["No file was submitted."]})
