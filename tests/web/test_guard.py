"""Who is let in: the one-time token, the cookie, the host, the origin, the form's own token, the size."""

import pytest

from pipelines.web.guard import ENTER
from tests.web.visitors import BASE, HOST, Visitor

PATHS = [
    *(
        "/",
        "/cases",
        "/cases/BN-1",
        "/cases/BN-1/network.svg",
        "/clusters",
        "/venues",
        "/venues/unregistered",
    ),
    *("/adoption", "/ledger", "/state.json", "/static/pages.css", "/nowhere"),
]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_session_every_path_is_forbidden_and_says_nothing_of_the_lake(lake, scratch, path):
    visitor = Visitor(lake, scratch, enters=False)
    answer = visitor.get(path)
    assert answer.status_code == 403
    assert "BN-1" not in answer.text
    assert lake not in answer.text
    assert visitor.client.post(path, base_url=BASE).status_code == 403


def test_the_printed_url_leads_to_the_overview_once(lake, scratch):
    visitor = Visitor(lake, scratch, enters=False)
    token = visitor.sessions.offer()
    assert (
        visitor.client.head(ENTER + token, base_url=BASE).status_code == 403
    )  # a preview does not use it up
    first = visitor.get(ENTER + token)
    assert (first.status_code, first.location) == (303, "/")
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert visitor.get("/").status_code == 200
    assert visitor.get(ENTER + token).status_code == 403
    assert visitor.get(f"{ENTER}wrong").status_code == 403


def test_a_session_ends_after_thirty_minutes_without_a_page_and_looking_for_news_is_no_page(visitor):
    visitor.clock.now = 1799
    assert visitor.get("/cases").status_code == 200
    visitor.clock.now = 1799 + 1799
    assert visitor.get("/state.json").status_code == 200
    visitor.clock.now = 1799 + 1801
    assert visitor.get("/state.json").status_code == 403
    assert visitor.get("/").status_code == 403


def test_signing_out_ends_the_session(visitor):
    assert visitor.post("/sign-out").status_code == 200
    assert visitor.get("/").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:80"])
def test_another_host_is_refused(visitor, host):
    answer = visitor.client.get("/", base_url=BASE, headers={"Host": host})
    assert answer.status_code == 403
    assert "BN-1" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": f"https://{HOST}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": f"http://{HOST}", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": f"http://{HOST}"}, 303),
        ({}, 303),
    ],
)
def test_a_form_of_another_site_is_refused(visitor, headers, status):
    assert visitor.post("/language", {"lang": "vi"}, headers=headers).status_code == status


@pytest.mark.parametrize("token", ["", "wrong", "ß"])
def test_a_form_without_the_sessions_token_changes_nothing(visitor, token):
    before = len(visitor.ledger()) if visitor.get("/ledger").status_code == 200 else 0
    answer = visitor.post("/cases/BN-1/withdraw", {"csrf": token, "purpose": "test"})
    assert answer.status_code == 403
    assert len(visitor.ledger()) == before


def test_no_change_is_made_by_get(visitor):
    for path in (
        "/cases/BN-1/withdraw",
        "/cases/BN-1/reveal",
        "/cases/BN-1/export",
        "/venues/close",
        "/sign-out",
    ):
        assert visitor.get(path).status_code == 405


def test_a_form_over_one_megabyte_is_refused_and_one_below_it_is_read(visitor):
    answer = visitor.post("/cases/search", {"text": "x" * 1_000_001})
    assert answer.status_code == 413
    assert "1 MB" in answer.text
    assert visitor.post("/cases/search", {"text": "x" * 900_000}).status_code == 303


@pytest.mark.parametrize("path", ["/", "/cases/BN-1", "/static/pages.js", "/nowhere"])
def test_every_answer_carries_its_policy(visitor, path):
    headers = visitor.get(path).headers
    assert headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self'"
    )
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", ""]
)
def test_the_switch_of_the_language_leads_back_to_our_own_pages_only(visitor, back):
    assert visitor.post("/language", {"lang": "vi", "back": back}).location == "/"
    assert (
        visitor.post("/language", {"lang": "vi", "back": "/cases?sort=stays"}).location == "/cases?sort=stays"
    )
    assert '<html lang="vi">' in visitor.text("/cases")


def test_a_header_with_a_user_is_nothing_without_a_trusted_proxy(lake, scratch):
    visitor = Visitor(lake, scratch, enters=False)
    assert visitor.get("/", headers={"X-Remote-User": "lan"}).status_code == 403


def test_behind_a_trusted_proxy_its_user_asks_and_stands_in_the_ledger(lake, scratch):
    visitor = Visitor(
        lake, scratch, enters=False, user_header="X-Remote-User", public_url="https://trace.example.vn"
    )
    public = {"Host": "trace.example.vn", "X-Remote-User": "lan"}
    answer = visitor.get("/cases", headers=public)
    assert answer.status_code == 200
    assert "Secure" in answer.headers["Set-Cookie"]
    assert visitor.ledger()[-1]["actor"] == "lan"
    assert visitor.get("/cases", headers={"Host": "trace.example.vn"}).status_code == 403
    assert visitor.get("/cases", headers={"Host": "evil.example", "X-Remote-User": "lan"}).status_code == 403
    other = visitor.get("/cases", headers=public | {"X-Remote-User": "binh"})  # with the cookie of lan
    assert other.status_code == 200
    assert visitor.ledger()[-1]["actor"] == "binh"
    origin = {"Origin": "https://trace.example.vn"}
    session = next(one for one in visitor.sessions._open.values() if one.actor == "binh")
    headers = public | origin | {"X-Remote-User": "binh"}
    assert visitor.client.post(
        "/language", base_url=BASE, headers=headers, data={"csrf": session.csrf, "lang": "vi"}
    ).status_code == 303  # fmt: skip
