"""A visitor of the pages without a browser: a client that has signed in and sends the forms that it sees."""

import re
import shutil
from html import unescape
from pathlib import Path

from pipelines.privacy.ledger import ledger_folder
from pipelines.privacy.ledger_check import entries
from pipelines.web.app import create_app
from pipelines.web.guard import ENTER
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.sessions import Sessions

HOST = "127.0.0.1:8765"
BASE = f"http://{HOST}"


class Clock:
    """Seconds that a test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Visitor:
    """A client of the application, and what it needs to look behind the pages."""

    def __init__(self, lake, scratch, *, enters=True, **settings):
        given = {
            "actor": "dr.lan",
            "language": "en",
            "authority_key": f"{lake}.keys/authority.key",
        } | settings
        self.lake, self.clock = lake, Clock()
        self.settings = ServeSettings(lake, hosts=frozenset({HOST}), **given)
        self.sessions = Sessions(self.settings.idle_seconds, self.settings.language, self.clock)
        self.app = create_app(self.settings, self.sessions, scratch)
        self.client = self.app.test_client()
        if enters:
            self.enter()

    def enter(self):
        return self.client.get(ENTER + self.sessions.offer(), base_url=BASE)

    def get(self, path, **options):
        return self.client.get(path, base_url=BASE, **options)

    def text(self, path):
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    @property
    def csrf(self):
        (session,) = self.sessions._open.values()
        return session.csrf

    def post(self, path, fields=None, **options):
        return self.client.post(path, data={"csrf": self.csrf} | (fields or {}), base_url=BASE, **options)

    def ledger(self):
        return entries(ledger_folder(self.lake))


def copied(lake, folder):
    """Copy a lake and its keys."""
    for suffix in ("", ".keys"):
        shutil.copytree(f"{lake}{suffix}", folder / f"lake{suffix}")
    return str(folder / "lake")


def hidden(html, name):
    """The values of the hidden fields of a name."""
    found = re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)"', html)
    return [unescape(value) for value in found]


def files_below(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())
