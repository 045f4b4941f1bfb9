"""The documentation's site: its search finds the right page first, and what frames its pages is true and local."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr import __version__
from support.rooms import FILES, PAGE, SOURCE, room_of
from support.site_search import SiteSearch, built_index, site_config

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIG = (ROOT / ".mkdocs.yml").read_text()
FINDS = {
    "CLI": "reference/commands/",
    "dashboard": "how-to/the-page/",
    "excel": "how-to/find-a-read/",
    "gallery": "how-to/find-a-read/",
    "listener": "reference/signals/",
    "pdf": "how-to/read-a-report/",
    "approval": "how-to/approve-before-spending/",
    "human review": "how-to/review-doubtful-reads/",
    "alert": "how-to/watch-it/",
    "API token": "tutorial/real-api/",
    "backup": "how-to/look-after-the-ledger/",
    "callback": "how-to/watch-it/",
    "cost": "how-to/what-will-it-cost/",
    "docker": "how-to/install/",
    "dry run": "tutorial/real-api/",
    "FAQ": "faq/",
    "gdpr": "how-to/delete-data/",
    "glossary": "reference/glossary/",
    "gpu": "how-to/install/",
    "heic": "reference/images/",
    "in doubt": "how-to/doubts/",
    "join": "how-to/join-with-your-data/",
    "kill": "how-to/when-a-night-fails/",
    "ledger": "reference/ledger/",
    "metrics": "how-to/watch-it/",
    "monitor": "how-to/watch-it/",
    "notification": "how-to/watch-it/",
    "price": "how-to/what-will-it-cost/",
    "proxy": "reference/connection/",
    "quota": "how-to/quota/",
    "requirements": "how-to/install/",
    "restore": "how-to/look-after-the-ledger/",
    "retry": "reference/retries/",
    "s3": "how-to/object-storage/",
    "slack": "how-to/watch-it/",
    "slow": "explanation/speed/",
    "test connection": "reference/connection/",
    "timezone": "reference/manifest/",
    "troubleshooting": "how-to/when-a-night-fails/",
    "unpause": "reference/example-dags/",
    "webhook": "how-to/webhooks/",
    "wrong token": "how-to/when-a-night-fails/",
}
"""What people look for, and the page that they should see first."""


@pytest.fixture(scope="module")
def search() -> SiteSearch:
    return SiteSearch(built_index())


def test_the_search_finds_the_right_page_first(search: SiteSearch) -> None:
    first = {query: (search.pages(query) or ["nothing"])[0] for query in FINDS}

    assert {query: page for query, page in first.items() if page != FINDS[query]} == {}


def test_the_site_says_which_version_it_is_of() -> None:
    assert runpy.run_path(str(DOCS / ".theme" / "release.py"))["release"]() == __version__


def test_the_site_asks_no_other_host_for_anything() -> None:
    fetched = re.compile(r"""(src=|@import |url\()["']?https?:|data-md-component""")  # the last: the theme asks GitHub
    ours = [*DOCS.glob(".theme/**/*.html"), *DOCS.glob("**/*.css")]

    assert len(ours) > 1
    assert [path.name for path in ours if fetched.search(path.read_text())] == []
    assert "font: false" in CONFIG


def test_each_how_to_is_in_one_group_of_the_navigation_and_on_the_overview() -> None:
    how_to = next(entry["How-to"] for entry in site_config()["nav"] if "How-to" in entry)
    groups = {title: pages for each in how_to[1:] for title, pages in each.items()}
    named = {title: [page for entry in pages for page in entry.values()] for title, pages in groups.items()}
    overview = (DOCS / "how-to" / "index.md").read_text()

    assert list(named) == ["Build", "Run", "Repair"]
    for title, pages in named.items():
        section = overview.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert re.findall(r"\]\(([\w-]+\.md)\)", section) == [page.removeprefix("how-to/") for page in pages]


@pytest.mark.parametrize(
    "page",
    [
        page
        for page in (DOCS / "reference").glob("*.md")
        if page.stem not in {"index", "glossary", "supported-versions"}
    ],
    ids=lambda page: page.stem,
)
def test_a_reference_page_opens_with_its_shortest_sample(page: Path) -> None:
    opening = re.split(r"(?m)^(?:##|\|) ", page.read_text(), maxsplit=1)[0]

    assert "```" in opening


def test_the_badges_say_what_the_package_says() -> None:
    readme = (ROOT / "README.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    badges = dict(re.findall(r"!\[(\w+): ([^\]]+)\]\(docs/images/badges/\w+\.svg\)", readme))

    assert badges == {"Airflow": "3.0.6 to 3.3", "Python": f"{pythons[0]} to {pythons[-1]}", "License": "Apache 2.0"}
    assert '"apache-airflow>=3.0.6,<4"' in project
    assert 'license = "Apache-2.0"' in project
    for name, words in badges.items():
        drawn = (DOCS / "images" / "badges" / f"{name.lower()}.svg").read_text()
        assert f">{name}<" in drawn
        assert f">{words}<" in drawn


def test_the_story_of_a_row_introduces_each_room_once() -> None:
    story = PAGE.read_text().partition("## A row on its way")[2].partition("## Rooms")[0]
    introduced = re.findall(r"\*\*`([a-z_.]+)`\*\*", story)
    named = {*introduced, *re.findall(r"`((?:cli|sandbox)\.[a-z]+)`", story)}
    rooms = {room_of(path) for path in FILES if path.parent.name != SOURCE.name} | {"cli", "sandbox"}

    assert len(introduced) == len(set(introduced))
    assert {name for name in rooms if name not in named} - {"analysis", "dataset", "engine", "__init__"} == set()
