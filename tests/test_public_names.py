"""What is public: one list, importable from the top, without a cost at parse time."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import airflow_provider_platerec_ocr as package

STUB = Path(package.__file__ or "").with_suffix(".pyi")
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "public-names.md"
NAMES = sorted(set(package.__all__) - {"__version__"})


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    code = "import sys, airflow_provider_platerec_ocr as p; dir(p); print([m for m in sys.modules if 'airflow' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # ours

    assert done.stdout.strip() == "['airflow_provider_platerec_ocr']"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_the_one_of_its_module(name: str) -> None:
    found = getattr(package, name)

    assert found.__name__ == name
    assert found.__module__.startswith(f"{package.__name__}.")


def test_type_checkers_see_the_same_names() -> None:
    stub = ast.parse(STUB.read_text())
    homes = {
        alias.name: node.module or ""
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    listed = next(ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign))

    assert homes.keys() == set(NAMES)
    assert sorted(listed) == sorted(package.__all__)
    assert [
        name for name, home in homes.items() if getattr(import_module(home), name) is not getattr(package, name)
    ] == []


def test_the_page_of_public_names_is_the_list() -> None:
    rows = re.findall(r"^\| (.*`) *[^|]*\| `([a-z_.]+)` \|$", PAGE.read_text(), flags=re.MULTILINE)
    told = {name: module for names, module in rows for name in re.findall(r"`(\w+)`", names)}

    assert told.keys() == set(NAMES)
    assert {getattr(import_module(module), name) is getattr(package, name) for name, module in told.items()} == {True}


def test_what_is_not_public_is_named() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'OCRNothing'"):
        _ = package.OCRNothing  # type: ignore[attr-defined]  # that is the point
