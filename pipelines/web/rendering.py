"""Pages out of templates: the environment of the report, with words and a frame of our own."""

import datetime as dt
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from flask import Response, g, request

from pipelines.export.pages.templates import asset, environment
from pipelines.export.pages.wording import Wording, wording
from pipelines.lake import Lake
from pipelines.times import EPOCH, LOCAL_TIMEZONE
from pipelines.web.case_urls import case_url
from pipelines.web.lake_state import versions_text
from pipelines.web.sessions import BrowserSession
from schemas.toml_file import read_toml

FILES: Final = Path(__file__).with_name("page_files")
NAVIGATION: Final = (
    ("/", "overview"),
    ("/cases", "cases"),
    ("/clusters", "clusters"),
    ("/venues", "venues"),
    ("/adoption", "adoption"),
    ("/ledger", "ledger"),
)


@functools.cache
def page_words(language: str) -> Wording:
    """The words of lists and reports, and those of pages, in a language."""
    own = read_toml(FILES / f"pages_{language}.toml")
    # Sections of pages win over those of lists with the same name.
    return Wording(language, {**wording(language).sections, **own})


@functools.cache
def page_environment() -> jinja2.Environment:
    """The environment of the report, which finds the templates of pages too."""
    shared = environment()
    assert shared.loader is not None
    # An overlay shares autoescape and the strictness towards undefined names.
    return shared.overlay(loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(FILES), shared.loader]))


@functools.cache
def static_file(name: str) -> str:
    """Style or script of the pages; the style of the report comes first."""
    own = (FILES / name).read_text(encoding="utf-8")
    return asset("report.css") + own if name == "pages.css" else own


def words_now() -> Wording:
    """The words of this request."""
    return page_words(session_now().language)


def session_now() -> BrowserSession:
    """The session of this request."""
    session: BrowserSession = g.session
    return session


def local_time(moment: dt.datetime | None, words: Wording) -> str:
    """A moment in local time as the language writes it; empty when it is not known.

    Example:
        >>> moment = dt.datetime(2021, 8, 5, 3, 0, tzinfo=dt.UTC)
        >>> local_time(moment, page_words("vi")), local_time(moment, page_words("en"))
        ('05/08/2021 10:00', '2021-08-05 10:00')
    """
    if moment is None:
        return ""
    local = moment.astimezone(LOCAL_TIMEZONE)
    return f"{local:%d/%m/%Y %H:%M}" if words.language == "vi" else f"{local:%Y-%m-%d %H:%M}"


def local_time_us(instant_us: int | None, words: Wording) -> str:
    """The same of microseconds UTC."""
    return local_time(None if instant_us is None else EPOCH + dt.timedelta(microseconds=instant_us), words)


def page(
    template: str, title: str, values: Mapping[str, Any], *, lake: Lake | None = None, status: int = 200
) -> Response:
    """Answer with a page in the frame of all pages.

    Args:
        template: its file, without ending.
        title: its heading and, with the name of the product, its title; never of a person.
        values: what the template needs.
        lake: the lake that is shown; its version stands on the page.
        status: of HTTP.
    """
    session = session_now()
    words = page_words(session.language)
    # Shown once: they are about the change that led here.
    notes, session.notes = session.notes, []
    html = page_environment().get_template(f"{template}.html.j2").render(
        lang=words.language,
        w=words,
        time=lambda moment: local_time(moment, words),
        case_url=case_url,
        csrf=session.csrf,
        purpose=session.purpose,
        title=title,
        navigation=[(path, words("nav", key)) for path, key in NAVIGATION],
        here=request.path,
        here_url=_local_url(),
        notes=notes,
        versions=None if lake is None else versions_text(lake),
        **values,
    )  # fmt: skip
    return html_response(html, status)


def plain_page(language: str, heading: str, text: str, status: int) -> Response:
    """Answer somebody without a session: nothing of the lake, no style, no name of a page."""
    html = page_environment().get_template("plain.html.j2").render(lang=language, heading=heading, text=text)
    return html_response(html, status)


def html_response(html: str, status: int) -> Response:
    """A page as a response."""
    return Response(html, status, mimetype="text/html")


def _local_url() -> str:
    """Path and query of the page; of the answer to a form its path alone, for it cannot be asked again."""
    # The switch of the language leads back here, and a form's answer cannot be asked for again.
    return request.full_path.rstrip("?") if request.method == "GET" else "/"
