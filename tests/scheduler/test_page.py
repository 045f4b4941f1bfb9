"""The page in a real Chromium through Airflow's own interface: for a user who may, and refused to one who may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jwt
import pytest

from airflow_provider_platerec_ocr.core import page_urls as urls
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_versions import since_3_1
from support.chromium import chromium
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.chromium import Browser
    from support.fleet import Fleet

pytestmark = [
    *(pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.xdist_group("one_airflow")),
    since_3_1("it shows no pages of plugins"),
]
DAG_ID = "nightly_ocr_batch"
FRAME = "document.querySelector('iframe').contentDocument"


@dataclass(frozen=True)
class Night:
    """A run that is over."""

    dataset: str
    run_id: str


@pytest.fixture(scope="module")
def night(airflow: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Three images read, and one that is empty."""
    folder = tmp_path_factory.mktemp("page")
    make_load_images(folder / "images", 3, seed=77)
    (folder / "images" / "empty.jpg").write_bytes(b"")
    conf = {"manifest": str(folder / "images"), "dataset": str(folder / "shown-reads"), "daily_limit": None}
    run_id = airflow.trigger(DAG_ID, conf)
    assert airflow.wait(DAG_ID, run_id) == "success"
    return Night(str(conf["dataset"]), run_id)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def views(night: Night) -> list[str]:
    shown = [urls.account_url(), urls.running_url()]
    shown += [url(night.dataset) for url in (urls.nights_url, urls.reads_url, urls.yard_url, urls.problems_url)]
    review = urls.review_url(night.dataset, days=365, check_digit=1, several=1, confidence_below=1)
    return [*shown, urls.reads_url(night.dataset, view="gallery"), review]


def token_of_nobody(airflow: Fleet) -> str:
    """Return a good token of a user who has no role, and so may not read anything."""
    claims: dict[str, Any] = jwt.decode(airflow.token, options={"verify_signature": False})
    header = jwt.get_unverified_header(airflow.token)
    secret = airflow.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
    more = {key: header[key] for key in ("kid",) if key in header}
    return jwt.encode(claims | {"sub": "nobody", "role": None}, secret, algorithm=header["alg"], headers=more)


def answer(airflow: Fleet, url: str, token: str | None) -> tuple[int, str]:
    headers = {"Cookie": f"_token={token}"} if token else {}
    request = Request(urls.absolute(airflow.url, url), headers=headers)  # noqa: S310  # loopback
    try:
        with urlopen(request, timeout=PATIENCE_S) as got:  # noqa: S310  # loopback
            return got.status, got.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_who_may_sees_the_page_in_airflows_navigation_light_or_dark_as_airflow_is(
    airflow: Fleet, browser: Browser, night: Night
) -> None:
    browser.sign_in(airflow.url, airflow.token)
    browser.size(1280)
    browser.prefer("light")
    browser.open(f"{airflow.url}/plugin/platerec-ocr")

    browser.wait(f"{FRAME}.querySelector('h1').textContent.includes('Account')")
    assert "100,000 calls" in browser.run(f"{FRAME}.body.innerText")
    assert night.dataset in browser.run(f"{FRAME}.body.innerText")
    for theme in ("dark", "light"):
        browser.run(f"localStorage.setItem('theme', '{theme}')")
        browser.open(f"{airflow.url}/plugin/platerec-ocr")
        browser.wait(f"{FRAME}.documentElement.classList.contains('{theme}')")
    browser.run(f"{FRAME}.querySelector('a[href*=nights]').click(); 0")
    browser.wait(f"{FRAME}.querySelector('h1').textContent.includes('Nights')")


def test_a_run_of_airflow_has_the_page_as_a_tab_with_its_report(airflow: Fleet, browser: Browser, night: Night) -> None:
    browser.sign_in(airflow.url, airflow.token)
    browser.requests.clear()

    browser.open(f"{airflow.url}/{urls.airflow_run_url(DAG_ID, night.run_id)}/plugin/platerec-ocr-run")

    browser.wait("document.querySelector('iframe').src.includes('platerec-ocr/run')")
    browser.wait("document.body")
    status, text = answer(airflow, urls.run_url(DAG_ID, night.run_id), airflow.token)
    assert status == 200
    assert night.run_id in text


def test_each_view_is_readable_by_everybody_in_light_in_dark_and_on_a_telephone(
    airflow: Fleet, browser: Browser, night: Night
) -> None:
    browser.sign_in(airflow.url, airflow.token)
    browser.open(urls.absolute(airflow.url, urls.account_url()))
    browser.run("localStorage.removeItem('theme')")
    browser.requests.clear()
    faults: dict[str, list[str]] = {}
    for url in views(night):
        for theme in ("light", "dark"):
            browser.prefer(theme)
            browser.size(1280)
            browser.open(urls.absolute(airflow.url, url))
            faults[f"{theme} {url}"] = browser.faults()
        browser.size(375)
        assert not browser.is_wider_than_its_window, url

    assert {view: found for view, found in faults.items() if found} == {}
    assert {request.split("/")[2] for request in browser.requests if "://" in request} == {airflow.url.split("/")[2]}


def test_every_link_and_button_is_reached_by_the_keyboard(airflow: Fleet, browser: Browser, night: Night) -> None:
    browser.sign_in(airflow.url, airflow.token)
    browser.size(1280)
    browser.open(urls.absolute(airflow.url, urls.problems_url(night.dataset)))
    wanted = browser.run("document.querySelectorAll('a[href], button, select, summary').length")
    reached = set()
    for _ in range(3 * wanted):
        browser.press("Tab")
        reached.add(
            browser.run(
                "[...document.querySelectorAll('a[href], button, select, summary')].indexOf(document.activeElement)"
            )
        )

    assert reached >= set(range(wanted))


def test_who_may_not_is_refused_and_learns_nothing(airflow: Fleet, browser: Browser, night: Night) -> None:
    nobody = token_of_nobody(airflow)

    for url in [*views(night), urls.run_url(DAG_ID, night.run_id)]:
        for token, status in ((nobody, 403), (None, 401), ("rubbish", 403)):
            got, text = answer(airflow, url, token)
            assert got == status or (token == "rubbish" and got in {401, 403}), (url, token)
            assert "shown-reads" not in text.replace(night.dataset, "")
    browser.sign_in(airflow.url, nobody)
    browser.open(urls.absolute(airflow.url, urls.account_url()))
    assert browser.wait("document.querySelector('h1').textContent") == "You may not see this"
