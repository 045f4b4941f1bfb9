"""The documentation says what the code does: nothing is left out, no sample or link leads nowhere."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from importlib import import_module
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import BaseOperator, TaskGroup
from packaging.requirements import Requirement

from airflow_provider_platerec_ocr.cli.account import holds, plan, quota, report, runs
from airflow_provider_platerec_ocr.cli.dataset import command as dataset
from airflow_provider_platerec_ocr.cli.ledger import command as ledger
from airflow_provider_platerec_ocr.compat import RetryPolicy
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.dataset import correct, read_dataset
from airflow_provider_platerec_ocr.dataset.corrections.table import corrections_schema
from airflow_provider_platerec_ocr.dataset.layout import schema
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.provider_info import get_provider_info
from airflow_provider_platerec_ocr.sandbox.state import options as sandbox_options

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted(DOCS.rglob("*.md"))
DAGS = sorted((ROOT / "dags").glob("*.py"))
SAMPLE = re.compile(r'--8<-- "([^":]+):([^"]+)"')
TESTS_PATH = re.compile(r"(?<![\w./])(?:tests/[\w/]*\w(?:\.\w+)?|(?:\w+/)*test_\w+\.py)")
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")
PACKAGE = "airflow_provider_platerec_ocr"


def what_dags_are_made_of() -> list[type[Any]]:
    """Return the operators, sensors, task groups and retry policies that the package defines."""
    modules = [f"{PACKAGE}.task_group", f"{PACKAGE}.retry_policy"]
    for folder in ("operators", "sensors"):
        modules += [f"{PACKAGE}.{folder}.{path.stem}" for path in (ROOT / PACKAGE / folder).glob("[!_]*.py")]
    return [
        kind
        for name in sorted(modules)
        for kind in vars(import_module(name)).values()
        if inspect.isclass(kind)
        and issubclass(kind, (BaseOperator, TaskGroup, RetryPolicy))
        and kind.__module__ == name
    ]


KINDS = what_dags_are_made_of()


def own_parameters(function: Any) -> list[str]:
    """Return the names of a function's parameters, but for the clock that only tests pass."""
    plain = inspect.signature(function).parameters.values()
    return [p.name for p in plain if p.kind is not p.VAR_KEYWORD and p.name not in {"self", "clock"}]


def section_of(kind: type[Any]) -> str:
    """Return the part of the reference, between two headings, that names the class with its module."""
    for page in sorted(REFERENCE.glob("*.md")):
        for part in re.split(r"(?m)^#{1,2} ", page.read_text()):
            if f"`{kind.__module__}.{kind.__name__}`" in part:
                return part
    pytest.fail(f"docs/reference has no section that begins with `{kind.__module__}.{kind.__name__}`")


def documented_parameters(kind: type[Any]) -> list[str]:
    return re.findall(r"(?m)^\s*:param (\w+):", inspect.getdoc(kind) or "")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_parameter_is_in_the_reference(kind: type[Any]) -> None:
    section = section_of(kind)

    assert [name for name in own_parameters(kind.__init__) if f"`{name}`" not in section] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_docstring_names_the_signatures_parameters_in_their_order(kind: type[Any]) -> None:
    described = [name for name in documented_parameters(kind) if name not in {"clock", "kwargs"}]

    assert described == own_parameters(kind.__init__)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if issubclass(kind, BaseOperator)], ids=lambda kind: kind.__name__
)
def test_what_the_docstring_calls_templated_is_templated(kind: type[Any]) -> None:
    paragraphs = re.split(r"(?m)^\s*:param ", inspect.getdoc(kind) or "")[1:]
    templated = [text.partition(":")[0] for text in paragraphs if "(templated)" in text.partition("\n\n")[0]]

    assert sorted(templated) == sorted(kind.template_fields)


@pytest.mark.parametrize(
    "function", [PlateRecOCRHook.read, read_dataset, correct], ids=lambda function: function.__name__
)
def test_every_parameter_of_a_function_is_in_the_reference(function: Any) -> None:
    page = (REFERENCE / "python.md").read_text()

    assert [name for name in own_parameters(function) if f"`{name}`" not in page] == []


def test_every_public_method_of_the_hook_is_in_the_reference() -> None:
    page = (REFERENCE / "python.md").read_text()
    methods = [name for name, item in vars(PlateRecOCRHook).items() if inspect.isfunction(item) and name[0] != "_"]

    assert [name for name in methods if not re.search(rf"`{name}\(", page)] == []


def test_every_option_is_in_the_reference_with_its_variable() -> None:
    page = (REFERENCE / "configuration.md").read_text()
    options = get_provider_info()["config"]["platerec_ocr"]["options"]

    assert [name for name in options if f"| `{name}` | `AIRFLOW__PLATEREC_OCR__{name.upper()}` |" not in page] == []


def test_every_dependency_is_in_the_reference_with_its_lower_bound() -> None:
    page = (REFERENCE / "supported-versions.md").read_text()
    needed = [Requirement(text) for text in requires("airflow-provider-platerec-ocr") or [] if "extra ==" not in text]
    lowest = {need.name: next(each.version for each in need.specifier if each.operator == ">=") for need in needed}

    assert {"apache-airflow", "pandas", "fastapi"} <= set(lowest)
    assert [each for each in lowest.items() if "| `{}` | {} |".format(*each) not in page] == []


def test_what_the_log_says_of_an_older_airflow_is_in_the_reference_in_its_words() -> None:
    page = (REFERENCE / "supported-versions.md").read_text()
    quoted = [text for row in re.findall(r"(?m)^\|.*\| yes[^|]*\|$", page) for text in re.findall('"([^"]+)"', row)]
    nodes = list(ast.walk(ast.parse((ROOT / PACKAGE / "compat.py").read_text())))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    told = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "tell"]

    assert [text for text in quoted if not any(each.startswith(text) for each in texts)] == []
    assert len(set(quoted)) == len(told)


def test_every_supported_python_is_in_the_reference() -> None:
    page = (REFERENCE / "supported-versions.md").read_text()
    named = [text.rpartition(" ")[2] for text in metadata("airflow-provider-platerec-ocr").get_all("Classifier") or []]

    assert "| 3.3, 3.2 | {} |".format(", ".join(each for each in named if re.fullmatch(r"3\.\d+", each))) in page


@pytest.mark.parametrize("columns", [schema.reads_schema, schema.dead_letters_schema, corrections_schema])
def test_every_column_is_in_the_reference(columns: Any) -> None:
    page = (REFERENCE / "dataset.md").read_text()
    rows = [cell for row in re.findall(r"(?m)^\| (`[^|]+) \|", page) for cell in re.findall(r"`(\w+)`", row)]

    assert [name for name in columns().names if name not in rows] == []


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_something_to_do_about_it(reason: Reason) -> None:
    page = (DOCS / "how-to" / "dead-letters.md").read_text()

    assert any(f"`{reason}`" in cell for cell in re.findall(r"(?m)^\| (`[^|]+) \|", page))


@pytest.mark.parametrize("choice", [*ReadStatus, *InDoubtPolicy])
def test_every_status_and_policy_is_somewhere_in_the_reference(choice: str) -> None:
    assert any(f"`{choice}`" in page.read_text() for page in REFERENCE.glob("*.md"))


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the commands and long options of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no other way to list them
        yield from (name for name in action.option_strings if name.startswith("--") and name != "--help")
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # as above
            for name, command in action.choices.items():
                yield name
                yield from options_of(command)


@pytest.mark.parametrize(
    ("parser", "page"),
    [
        (ledger.parser(), "ledger.md"),
        (dataset.parser(), "dataset-command.md"),
        (sandbox_options.parser(), "sandbox.md"),
        *((module.parser(), "commands.md") for module in (quota, plan, runs, report, holds)),
    ],
    ids=["ledger", "dataset", "sandbox", "quota", "plan", "runs", "report", "holds"],
)
def test_every_command_and_option_is_in_the_reference(parser: argparse.ArgumentParser, page: str) -> None:
    text = (REFERENCE / page).read_text()

    assert [name for name in options_of(parser) if not re.search(rf"(?<![\w-]){name!s}(?![\w-])", text)] == []


def test_every_example_dag_and_its_parameters_are_in_the_reference() -> None:
    page = (REFERENCE / "example-dags.md").read_text()
    named = [
        (path.name, str(keyword.value.value))
        for path in DAGS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DAG"
        for keyword in node.keywords
        if keyword.arg == "dag_id" and isinstance(keyword.value, ast.Constant)
    ]
    parameters = re.findall(r'(?m)^        "(\w+)": Param\(', (ROOT / "dags" / "nightly_ocr_batch.py").read_text())

    assert len(named) == len(DAGS)
    assert [dag_id for _, dag_id in named if f"`{dag_id}`" not in page] == []
    assert [name for name in parameters if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("dag", DAGS, ids=lambda path: path.stem)
def test_an_example_dag_is_one_screen_long_and_is_quoted(dag: Path) -> None:
    source = dag.read_text()
    marked = re.findall(r"# --8<-- \[start:(\w+)\]", source)
    quoted = {name for page in PAGES for path, name in SAMPLE.findall(page.read_text()) if path == f"dags/{dag.name}"}

    assert marked == re.findall(r"# --8<-- \[end:(\w+)\]", source)
    assert set(marked) == quoted != set()
    assert len(source.splitlines()) <= 90


def test_every_quoted_sample_exists() -> None:
    missing = [
        (page.name, path, name)
        for page in PAGES
        for path, name in SAMPLE.findall(page.read_text())
        if not (ROOT / path).is_file() or f"[start:{name}]" not in (ROOT / path).read_text()
    ]

    assert missing == []


def test_every_test_that_is_named_exists() -> None:
    """A promise that names what holds it is worth no more than that."""
    named = {
        (page.relative_to(ROOT).as_posix(), path)
        for page in [ROOT / "README.md", *PAGES]
        for path in TESTS_PATH.findall(page.read_text())
    }

    assert ("docs/explanation/money.md", "provider/operators/test_purse.py") in named
    assert [each for each in named if not any((folder / each[1]).exists() for folder in (ROOT, ROOT / "tests"))] == []


def test_every_python_sample_is_python() -> None:
    for page in [ROOT / "README.md", *PAGES]:
        for sample in re.findall(r"(?ms)^```python\n(.*?)^```", page.read_text()):
            ast.parse(SAMPLE.sub("pass", sample), page.name)


def test_every_page_is_in_the_navigation() -> None:
    navigation = set(re.findall(r"(\S+\.md)$", (ROOT / ".mkdocs.yml").read_text(), flags=re.MULTILINE))

    assert {page.relative_to(DOCS).as_posix() for page in PAGES} == navigation


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the site makes them."""
    headings = re.findall(r"(?m)^#{1,6} (.+)$", page.read_text())
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_inside_leads_somewhere(page: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text())
    broken = []
    for link in LINK.findall(text):
        if link.startswith(("https://", "http://localhost")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)

    assert broken == []


def test_every_benchmark_that_is_named_exists() -> None:
    named = {name for page in PAGES for name in re.findall(r"python -m (benchmarks[.\w]*)", page.read_text())}
    files = {name: ROOT / name.rstrip(".").replace(".", "/") for name in named}

    assert len(named) > 5
    assert [name for name, file in files.items() if not (file.is_dir() or file.with_suffix(".py").is_file())] == []


def test_every_make_command_that_is_named_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    named = {
        (page.name, name)
        for page in [ROOT / "README.md", *PAGES]
        for name in re.findall(r"(?m)(?:`|\$ )make ([a-z-]+)", page.read_text())
    }

    assert {"demo", "test", "check", "up"} <= {name for _, name in named}
    assert [(page, name) for page, name in named if name not in targets] == []


def test_every_make_command_says_what_it_does() -> None:
    targets = re.findall(r"(?m)^[a-z-]+:.*$", (ROOT / "Makefile").read_text())

    assert len(targets) > 8
    assert [target for target in targets if not re.search(r" ## \w", target)] == []
