"""Since when something is there: what came after 0.1.0 says so in its docstring and on its page."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_platerec_ocr as package
from support import first_release

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NAMES = sorted(set(package.__all__) - {"__version__"})
NOTE = re.compile(r"(?m)^( *)\.\. versionadded:: \d+\.\d+\n((?:\1 +\S.*\n)*)")
ADDED = re.compile(r"added in version \d+\.\d+", re.IGNORECASE)


def parameters(of: str) -> set[str]:
    """Return the parameters of a public name, but for the clock that only tests pass."""
    plain = inspect.signature(attrgetter(of)(package)).parameters.values()
    return {p.name for p in plain if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}} - {"self", "clock"}


def notes(of: Any) -> list[set[str]]:
    """Return what each note of a docstring names; nothing, where it is about the whole."""
    found = NOTE.findall(f"{vars(of).get('__doc__', '') if inspect.isclass(of) else of.__doc__ or ''}\n")
    return [set(re.findall(r"``(\w+)``", text)) for _, text in found]


def is_data(of: Any) -> bool:
    """Return whether a name is an error or a choice: nobody but this package makes one."""
    return inspect.isclass(of) and issubclass(of, (Exception, str))


def section_of(name: str) -> str:
    """Return the part of the reference that describes a name."""
    module = attrgetter(name)(package).__module__
    parts = [part for page in REFERENCE.glob("*.md") for part in re.split(r"(?m)^#{1,2} ", page.read_text())]
    return next(part for part in parts if part.startswith(f"{name}\n") or f"`{module}.{name}`" in part)


def test_what_the_first_release_had_is_still_there() -> None:
    assert first_release.NAMES - set(NAMES) == set()
    assert [n for n, given in first_release.PARAMETERS.items() if set(given.split()) - parameters(n)] == []


def test_the_table_of_public_names_says_what_came_later() -> None:
    rows = re.findall(r"(?m)^\| (.*`.*) \| `[a-z_.]+` \|$", (REFERENCE / "public-names.md").read_text())
    pieces = [piece for row in rows for piece in row.split(";")]
    said = {name: bool(ADDED.search(piece)) for piece in pieces for name in re.findall(r"`(\w+)`", piece)}

    assert said == {name: name not in first_release.NAMES for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_of_a_name_that_came_later_says_so(name: str) -> None:
    of = getattr(package, name)
    home = import_module(of.__module__)
    arguments = parameters(name) if name in first_release.PARAMETERS else set()

    whole = [named for named in notes(getattr(home, name)) if not named & arguments]
    assert len(whole) == (name not in first_release.NAMES)


@pytest.mark.parametrize("name", first_release.PARAMETERS)
def test_a_parameter_that_came_later_says_so(name: str) -> None:
    later = parameters(name) - set(first_release.PARAMETERS[name].split())
    rows = re.findall(r"(?m)^\| (`\w+`(?:, `\w+`)*) \|(.*)$", section_of(name.partition(".")[0]))
    on_page = {each for names, text in rows if ADDED.search(text) for each in re.findall(r"`(\w+)`", names)}

    assert set().union(*notes(attrgetter(name)(package))) == later
    assert on_page & parameters(name) == later


def test_every_name_that_takes_arguments_is_held_to_it() -> None:
    plain = [name for name in first_release.NAMES if not is_data(getattr(package, name))]

    assert {name for name in plain if parameters(name)} == {n for n in first_release.PARAMETERS if "." not in n}
