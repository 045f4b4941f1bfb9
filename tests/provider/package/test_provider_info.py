from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow
import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
import yaml  # type: ignore[import-untyped]  # as above

from airflow_provider_platerec_ocr import __version__
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.provider_info import REPOSITORY, get_provider_info
from support.airflow_home import connection_env
from support.airflow_versions import import_string, since_3_2
from support.forks import ask
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome
    from support.forks import Answer

NO_FORM = since_3_2("the form of a connection is not taken from the description")
ROOT = Path(__file__).parents[3]
CONNECTION: dict[str, Any] = get_provider_info()["connection-types"][0]


def test_airflow_finds_the_provider_by_its_entry_point() -> None:
    (found,) = [e for e in entry_points(group="apache_airflow_provider") if e.value.startswith("airflow_provider_pl")]

    assert found.load()() == get_provider_info()


def test_the_description_is_valid_by_airflows_own_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)
    assert get_provider_info()["versions"] == [__version__]


def test_every_page_and_picture_of_ours_that_is_named_is_there() -> None:
    (integration,) = get_provider_info()["integrations"]
    urls = [*integration["how-to-guide"], integration["logo"]]
    paths = [ROOT / url.partition("/main/")[2] for url in urls]

    assert [url for url in urls if REPOSITORY not in url] == []
    assert [path for path in paths if not path.is_file()] == []
    assert (
        f"https://github.com/{REPOSITORY}"
        in (metadata("airflow-provider-platerec-ocr").get_all("Project-URL") or [""])[0]
    )


def test_the_tags_are_those_that_airflows_own_providers_use() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider.yaml.schema.json").read_text())
    known = schema["properties"]["integrations"]["items"]["properties"]["tags"]["items"]["enum"]

    assert set(get_provider_info()["integrations"][0]["tags"]) <= {*known, "ai"}  # which is one from 3.2 on


def test_the_registry_is_told_of_every_class_and_of_none_that_is_gone() -> None:
    told = yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text())
    info = get_provider_info()
    kinds = ("hooks", "operators", "sensors", "triggers", "other")
    listed = {kind: [each["module"] for each in told[kind]] for kind in kinds}

    assert (told["package-name"], told["display-name"]) == (info["package-name"], info["name"])
    assert told["logo"] == info["integrations"][0]["logo"]
    for kind in kinds[:-1]:
        modules = [module for entry in info[kind] for module in entry["python-modules"]]
        assert sorted(name.rpartition(".")[0] for name in listed[kind]) == sorted(modules)
    assert set(info["notifications"]) <= set(listed["other"])  # the registry's file has no place of their own
    assert [name for names in listed.values() for name in names if not isinstance(import_string(name), type)] == []
    assert all(each["description"] for kind in kinds for each in told[kind])


def test_every_setting_has_a_field_with_a_help_text_in_the_form() -> None:
    fields = CONNECTION["conn-fields"]

    assert set(fields) == set(ClientSettings.EXTRAS)
    assert all(field["label"] and "Empty: " in field["description"] for field in fields.values())


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "connection.md").read_text()

    assert [key for key in ClientSettings.EXTRAS if f"`{key}`" not in page] == []


def _limits() -> list[tuple[str, str, Any]]:
    fields = CONNECTION["conn-fields"].items()
    return [
        (key, end, field["schema"][end])
        for key, field in fields
        for end in ("minimum", "maximum")
        if end in field["schema"]
    ]


@pytest.mark.parametrize(("key", "end", "limit"), _limits())
def test_the_form_and_the_settings_agree_on_each_limit(key: str, end: str, limit: float) -> None:
    beyond = (limit / 2 if limit else -1) if end == "minimum" else limit * 2

    ClientSettings.from_connection(token="t", host=None, port=None, extra={key: limit, "currency": "EUR"})
    with pytest.raises(ValueError, match=f"{key} must be from"):
        ClientSettings.from_connection(token="t", host=None, port=None, extra={key: beyond, "currency": "EUR"})


def test_the_default_in_each_help_text_is_the_real_default() -> None:
    default = ClientSettings()
    said = {key: field["description"].rpartition("Empty: ")[2] for key, field in CONNECTION["conn-fields"].items()}

    assert said["max_in_flight"] == f"{default.max_in_flight}."
    assert said["max_upload_bytes"] == f"{default.max_upload_bytes}."
    assert said["connect_timeout_s"] == f"{default.timeouts.connect_s:g}."
    assert said["call_timeout_s"] == f"{default.timeouts.call_s:g}."
    assert said["statistics_timeout_s"] == f"{default.timeouts.statistics_s:g}."
    assert (said["verify"], said["trust_env"], said["allow_plain_http"]) == ("true.", "false.", "false.")


def test_the_form_and_the_hook_name_the_same_connection() -> None:
    assert CONNECTION["connection-type"] == PlateRecOCRHook.conn_type
    assert CONNECTION["hook-name"] == PlateRecOCRHook.hook_name
    assert import_string(CONNECTION["hook-class-name"]) is PlateRecOCRHook


def test_the_token_is_the_password_and_nothing_else_asks_for_one() -> None:
    behaviour = CONNECTION["ui-field-behaviour"]

    assert behaviour["relabeling"]["password"] == "API token"
    assert behaviour["relabeling"]["host"] == "Base URL"
    assert behaviour["placeholders"]["host"] == "https://api.platerecognizer.com"
    assert {"schema", "login"} <= set(behaviour["hidden-fields"])
    assert CONNECTION["conn-fields"]["proxy"]["schema"]["format"] == "password"


def test_every_module_and_class_that_is_named_exists() -> None:
    info = get_provider_info()
    modules = [
        m for kind in ("hooks", "operators", "sensors", "triggers") for e in info[kind] for m in e["python-modules"]
    ]
    there = ROOT / "airflow_provider_platerec_ocr"

    assert [m for m in modules if not ROOT.joinpath(*m.split(".")).with_suffix(".py").exists()] == []
    written = {
        f"airflow_provider_platerec_ocr.{kind}.{path.stem}"
        for kind in ("operators", "sensors", "triggers")
        for path in (there / kind).glob("[!_]*.py")
    }
    assert written <= set(modules)


def test_asking_for_the_description_loads_nothing_else() -> None:
    code = (
        "import sys; from airflow_provider_platerec_ocr.provider_info import get_provider_info; get_provider_info();"
        "print([m for m in sys.modules if m.split('.')[0] in ('airflow', 'aiohttp', 'requests', 'pyarrow', 'fsspec')"
        " or m.startswith('airflow_provider_platerec_ocr.core')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.strip() == "[]"


SHOWN = {
    "get": f"airflow-provider-platerec-ocr  {__version__}",
    "hooks": "airflow_provider_platerec_ocr.hooks.ocr.PlateRecOCRHook",
    "widgets": "extra__platerec_ocr__rate_per_s",
    "behaviours": "platerec_ocr",
    "links": "airflow_provider_platerec_ocr.links.OCRAccountLink",
    "configs": "spill_folder",
}
"""What ``airflow providers …`` shows of us, by command."""
OLD_FORM = {"widgets", "behaviours"}


YARD = ["airflow", "connections", "test", "yard"]


@dataclass(frozen=True)
class Said:
    """What each command said, and what the API has billed for all of them."""

    shown: dict[str, Answer]
    good: Answer
    bad: Answer
    billed: int


@pytest.fixture(scope="module")
def said(airflow_home: AirflowHome) -> Said:
    """What each of the commands said; Airflow is imported once for all of them."""
    assert airflow_home.path.is_dir()
    more = {"get": ["airflow-provider-platerec-ocr"]}
    lines = [["airflow", "providers", name, *more.get(name, []), "--output", "plain"] for name in SHOWN]
    commands = ("connection_command", "provider_command")
    shared = ", ".join(["import airflow.__main__", *(f"airflow.cli.commands.{name}" for name in commands)])
    run = "import airflow.__main__; sys.argv = {!r}; airflow.__main__.main()"
    with running_sandbox(quota=5000, used=55) as sandbox:
        tokens = (sandbox.token, "wrong-token-1")
        named = [connection_env(sandbox.url, token, conn_id="yard") for token in tokens]
        tests = [f"os.environ[{name!r}] = {value!r}; {run.format(YARD)}" for name, value in named]
        questions = [*(run.format(line) for line in lines), *(f"import os; {test}" for test in tests)]
        *shown, good, bad = ask(shared, questions, env={**os.environ, "COLUMNS": "500"})
        return Said(dict(zip(SHOWN, shown, strict=True)), good, bad, sandbox.books()["billed"])


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=NO_FORM if name in OLD_FORM else ()) for name in SHOWN])
def test_airflow_shows_the_provider(name: str, said: Said) -> None:
    assert said.shown[name].code == 0, said.shown[name].said
    assert SHOWN[name] in said.shown[name].said
    assert "WARNING" not in said.shown[name].said


@pytest.mark.airflow
@pytest.mark.slow
def test_the_connection_can_be_tested_from_the_command_line(said: Said) -> None:
    assert said.good.code == 0  # for a failure it is 0 before Airflow 3.3.2, and 1 from there on
    assert "Connection success!" in said.good.said  # the command shows a message only for a failure
    assert "The API refused the token (401: Invalid token.)" in said.bad.said
    assert "wrong-token-1" not in said.bad.said
    assert said.billed == 0
