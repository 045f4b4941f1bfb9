"""Tells the documentation's site which version it is of: the package's own, so that it is written down once."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "airflow_provider_platerec_ocr" / "__init__.py"


def release() -> str:
    """Return the package's version, read from its source: the site is built without importing it."""
    lines = PACKAGE.read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith("__version__"))
    return str(ast.literal_eval(line.partition("=")[2].strip()))


def on_config(config: Any) -> Any:
    """Give the version to the header and to the foot of each page; called by MkDocs."""
    config.extra["release"] = release()
    config.copyright = f"Version {release()} · Apache License 2.0 · Not affiliated with Plate Recognizer"
    return config
