"""The templates of pages: every text of others is escaped, and no page asks anything of the network."""

import base64
import hashlib
from functools import cache
from pathlib import Path

import jinja2

_FOLDER = Path(__file__).with_name("page_templates")


@cache
def environment() -> jinja2.Environment:
    """The environment that all pages are made in."""
    loader = jinja2.FileSystemLoader(_FOLDER)
    # StrictUndefined: a misspelt name fails in a test and does not print as nothing.
    made = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    made.globals["css"] = asset("report.css")
    return made


@cache
def asset(name: str) -> str:
    """A file of our own that pages hold: style or script."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def page_policy(script: str = "") -> str:
    """The content security policy of a page that may run one script of its own, or none."""
    # Of the text that stands inside the script element, to the byte, line ends included.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    scripts = f"'sha256-{digest}'" if script else "'none'"
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {scripts}; img-src data:"
