"""The URL of a case: its number may hold any sign, and a browser takes some of them for its own."""

from urllib.parse import quote, unquote

from werkzeug.routing import BaseConverter


class CaseConverter(BaseConverter):
    """The number of a case as one part of a path.

    A slash, a percent sign and a dot at the beginning are escaped twice: once for us, and once for the path.
    """

    regex = r"[^/]+"

    def to_python(self, value: str) -> str:
        return unquote(value)

    def to_url(self, value: str) -> str:
        return quote(escaped_case(value), safe="")


def case_url(case_id: str, action: str = "") -> str:
    """The path of a case's page, or of an action there.

    >>> case_url("QN-0008"), case_url("a/b", "reveal"), case_url("..")
    ('/cases/QN-0008', '/cases/a%252Fb/reveal', '/cases/%252E.')
    """
    path = f"/cases/{quote(escaped_case(case_id), safe='')}"
    return f"{path}/{action}" if action else path


def escaped_case(case_id: str) -> str:
    """A number without what a path cannot hold."""
    # % first, or the escapes that follow would be escaped again.
    plain = case_id.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")
    # A path of . or .. would be resolved by the browser.
    return f"%2E{plain[1:]}" if plain.startswith(".") else plain
