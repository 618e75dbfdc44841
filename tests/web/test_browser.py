"""The pages in a real Chromium: what an officer does, by hand and by keyboard, and what no request may do."""

import os
import re
from pathlib import Path

import pytest

from pipelines import trace
from pipelines.privacy.ledger import ledger_folder
from pipelines.privacy.ledger_check import entries
from pipelines.terminal.output import token_text
from tests.export.worlds import PHONES
from tests.web.test_server import served
from tests.web.visitors import copied

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PAGES = ("/", "/cases", "/cases/BN-1", "/cases/BN-2", "/clusters?all=1", "/venues", "/venues/unregistered",
         "/adoption", "/ledger", "/nowhere")  # fmt: skip

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no Chromium at {CHROMIUM}")


@pytest.fixture(scope="module")
def lake(made_lake, tmp_path_factory):
    return copied(made_lake, tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def context(lake):
    """A browser that has signed in, with all requests that it sent and what it complained of."""
    key = f"{lake}.keys/authority.key"
    with (
        served(lake, "--lang", "en", "--actor", "dr.lan", "--authority-key", key) as (_, url),
        playwright.sync_playwright() as running,
    ):
        browser = running.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context(base_url=url.partition("/enter")[0], accept_downloads=True)
        context.pages_url = url.partition("/enter")[0]
        context.sent, context.complaints = [], []
        context.on("request", lambda request: context.sent.append(request.url))
        context.on("weberror", lambda error: context.complaints.append(str(error.error)))
        context.on("console", lambda message: context.complaints.append(message.text))
        page = context.new_page()
        page.goto(url)
        assert page.url == f"{url.partition('/enter')[0]}/"
        page.close()
        yield context
        browser.close()


@pytest.fixture
def page(context):
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    page.close()


def test_from_the_overview_to_a_signed_list_and_its_lines_in_the_ledger(context, page, lake):
    page.goto("/")
    page.get_by_role("link", name="BN-1").first.click()
    assert page.title() == "Case BN-1 · Truy Vết"
    page.get_by_role("searchbox", name="Place").fill("SUM(1)")
    page.get_by_role("button", name="Filter").click()
    assert "of 4 people shown" in page.locator("#list").inner_text()
    page.locator("#list input[type=checkbox][name=person]").first.check()
    page.locator("#purpose-list").fill("calling")
    page.get_by_role("button", name="Open the numbers of those chosen").click()
    assert page.title() == "Numbers to call, case BN-1 · Truy Vết"
    assert re.search(r"09\d\d \d{3} \d{3}", page.locator("table").inner_text())
    page.get_by_role("link", name="Back to the case").click()
    assert not re.search(r"09\d\d \d{3} \d{3}", page.content())
    with page.expect_download() as taken:
        page.get_by_role("button", name="Take the list").click()
    assert taken.value.suggested_filename.endswith(".zip")
    page.get_by_role("link", name="Ledger").click()
    shown = page.locator("tbody").inner_text()
    assert "calling" in shown
    assert "all sound" in page.locator("main").inner_text()
    lines = entries(ledger_folder(lake))
    asked = [line["arguments"].get("page") or line["command"] for line in lines]
    assert asked.index("case") < asked.index("reveal") < asked.index("export")
    assert {line["actor"] for line in lines} == {"dr.lan"}


def test_no_request_leaves_the_machine_and_none_names_a_person(context, page, lake):
    for path in PAGES:
        page.goto(path)
    origins = {url.split("/")[2] for url in context.sent if not url.startswith("data:")}
    assert len(origins) == 1
    persons = [token_text(person) for person in trace(lake, "BN-1")["person"].to_pylist()]
    phones = [phone.removeprefix("phone:0") for phone in PHONES.values()]
    assert not [url for url in context.sent for secret in (*persons, *phones) if secret in url]
    missing = "Failed to load resource: the server responded with a status of 404"
    assert [one for one in context.complaints if not one.startswith(missing)] == []


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_but_tables_scrolls_sideways_and_axe_finds_nothing_serious(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true; }")
        if width == 1280:
            violations = axe.Axe().run(page).response["violations"]
            found[path] = [one["id"] for one in violations if one["impact"] in ("serious", "critical")]
    assert {path: ids for path, ids in found.items() if ids} == {}


def test_the_keyboard_skips_to_the_content_and_reaches_every_link_of_the_navigation(page):
    page.goto("/cases")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.goto("/cases")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('href')"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert {"/", "/cases", "/clusters", "/venues", "/adoption", "/ledger"} <= reached


def test_a_hostile_name_stays_text(page):
    page.goto("/venues")
    assert "<script>alert(1)</script>" in page.locator("tbody").inner_text()
    assert page.evaluate("document.scripts.length") == 1


def test_without_javascript_everything_can_be_read(context):
    cookies = context.cookies()
    with_cookies = context.browser.new_context(java_script_enabled=False, base_url=context.pages_url)
    with_cookies.add_cookies(cookies)
    page = with_cookies.new_page()
    page.goto("/cases/BN-1?sort=-seconds_direct#list")
    page.get_by_role("button", name="Clear").click()  # of another visit
    assert page.locator("#list tbody tr").count() == 4
    assert page.locator("svg[role=img]").count() == 2
    page.goto("/clusters")
    assert page.locator("h1").inner_text() == "Clusters"
    with_cookies.close()


def test_a_cross_site_form_is_refused(context, page):
    """A page of another origin that knows the address sends a form with the browser's cookies."""
    page.goto("about:blank")
    page.set_content(
        f'<form method="post" action="{context.pages_url}/sign-out"><button>win a prize</button></form>'
    )
    with page.expect_navigation() as sent:
        page.get_by_role("button").click()
    assert sent.value.status == 403
    page.goto("/")
    assert page.locator("h1").inner_text() == "Overview"


def test_a_page_says_when_the_lake_has_something_newer(page, lake):
    page.goto("/cases")
    assert page.locator("#newer").is_hidden()
    state = {"versions": "9.9.9", "scans_version": 9, "stays_version": 9, "waiting": 0}
    page.route("**/state.json", lambda route: route.fulfill(json=state))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#newer").wait_for(state="visible")
    page.unroute("**/state.json")
    page.locator("#newer a").click()
    assert page.locator("#newer").is_hidden()
