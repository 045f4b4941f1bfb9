"""The sandbox shares no code with the client, and loads no OCR engine until one is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_provider_platerec_ocr.sandbox as package
from support.waiting import PATIENCE_S

FILES = sorted(Path(package.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_imports_nothing_of_ours_but_the_sandbox(path: Path) -> None:
    named = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            named.append(node.module or "")
        elif isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
    ours = [name for name in named if name.startswith("airflow")]
    assert [name for name in ours if not name.startswith("airflow_provider_platerec_ocr.sandbox")] == []


def test_a_deterministic_sandbox_loads_neither_engine_nor_pillow_nor_airflow() -> None:
    program = (
        "import sys, airflow_provider_platerec_ocr.sandbox.__main__, airflow_provider_platerec_ocr.sandbox.samples\n"
        "from airflow_provider_platerec_ocr.sandbox.api.server import make_reader, ReaderKind\n"
        "make_reader(ReaderKind.DETERMINISTIC)\n"
        "print(sorted({'rapidocr', 'cv2', 'onnxruntime', 'numpy', 'PIL', 'airflow'} & set(sys.modules)))\n"
    )
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=PATIENCE_S)  # noqa: S603 - our own program
    assert done.stdout.strip() == "[]"
