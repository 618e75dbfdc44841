"""Pages that are open while other processes write into the lake: `watch` a case, `land` scans."""

import contextlib
import json
import subprocess
import sys
import time

import pytest

from pipelines.lake import open_lake
from pipelines.streaming.broker import Topic
from pipelines.streaming.landing_spool import open_landing
from tests.lakes import keys_of
from tests.streaming.conftest import emulator
from tests.streaming.emulators import new_channel
from tests.web.test_browser import CHROMIUM, FLAGS, Path, playwright
from tests.web.test_server import served
from tests.web.visitors import Visitor, copied

__all__ = ["emulator"]

needs_chromium = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no Chromium at {CHROMIUM}")
CASE = {"case_id": "BN-77", "person": "phone:0905111201", "onset_at": "2021-08-06"}
SCAN = {
    "person": "phone:0905111209",
    "venue": "V0",
    "direction": "in",
    "occurred_at": "2021-08-06T09:00:00+07:00",
}


@contextlib.contextmanager
def running(*words):
    """Another process of truyvet."""
    process = subprocess.Popen([sys.executable, "-m", "pipelines.cli", *words], stdout=subprocess.PIPE)
    try:
        yield process
        process.communicate(timeout=300)
        assert process.returncode == 0
    finally:
        process.kill()


@contextlib.contextmanager
def opened_page(lake):
    """A page of a server of the lake in a browser that has signed in."""
    with served(lake, "--lang", "vi") as (_, url), playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_context(base_url=url.partition("/enter")[0]).new_page()
        page.set_default_timeout(60_000)
        page.goto(url)
        yield page
        browser.close()


def wait_for_the_offer(page):
    """Wait for the note without reloading the page, and follow it."""
    assert page.locator("#newer").is_hidden()
    until = time.monotonic() + 240
    while page.locator("#newer").is_hidden() and time.monotonic() < until:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(500)
    page.get_by_role("link", name="Xem bản mới").click()
    page.locator("#newer").wait_for(state="hidden")


@pytest.mark.slow
@needs_chromium
def test_a_case_that_watch_takes_appears_after_the_offer_and_can_be_traced(made_lake, tmp_path, emulator):
    lake = copied(made_lake, tmp_path)
    cases, lists = new_channel(), new_channel()
    with opened_page(lake) as page:
        page.goto("/cases")
        assert "BN-77" not in page.content()
        with running(
            "watch", "--lake", lake, "--subscription", cases.subscription, "--topic", lists.topic,
            "--until-idle", "15",
        ):  # fmt: skip
            topic = Topic(cases.topic)
            topic.publish([(json.dumps(CASE).encode(), {})])
            topic.close()
            wait_for_the_offer(page)
            assert "BN-77" in page.locator("table").inner_text()
        page.get_by_role("link", name="BN-77").first.click()
        assert "người" in page.locator("#first").inner_text()


@pytest.mark.slow
@needs_chromium
def test_scans_wait_on_the_overview_until_land_commits_them_and_then_are_offered(
    made_lake, tmp_path, emulator
):
    lake = copied(made_lake, tmp_path)
    where = open_lake(lake)
    open_landing(where, keys_of(where).landing_key).write([json.dumps(SCAN).encode() + b"\n"])
    with opened_page(lake) as page:
        page.goto("/")
        assert "1 đoạn chờ ghi" in page.locator("#landing").inner_text()
        version = page.locator("body").get_attribute("data-versions")
        words = ("--subscription", new_channel().subscription, "--until-idle", "5", "--max-age-days", "9999")
        with running("land", "--lake", lake, *words):
            wait_for_the_offer(page)
        page.goto("/")
        assert page.locator("#landing").inner_text() == "không có gì chờ ghi"
        assert page.locator("body").get_attribute("data-versions") != version


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_segment_that_waits_is_counted_with_its_size_and_age(lake, scratch, language):
    where = open_lake(lake)
    landing = open_landing(where, keys_of(where).landing_key)
    landing.write([json.dumps(SCAN).encode() + b"\n"])
    visitor = Visitor(lake, scratch, language=language)
    state = visitor.get("/state.json").json
    (segment,) = landing.segments()
    assert (state["waiting"], state["waiting_bytes"]) == (1, segment.size)
    assert 0 <= state["oldest_seconds"] <= 120
    assert {"en": "segments waiting: 1", "vi": "1 đoạn chờ ghi"}[language] in visitor.text("/")
