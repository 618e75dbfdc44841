"""Write `python_api.md`, the page of the Python API, from the docstrings: `python docs/make_python_api.py`.

A test fails when the page is not what the docstrings make it, when a public name stands in no section, or
when an example answers something else.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pipelines

PAGE = Path(__file__).with_name("python_api.md")

SECTIONS = {
    "Bring data in": ("run", "recompute", "contacts"),
    "Ask": (
        *("overlaps", "busiest_case", "milestones", "trace", "explain", "compare"),
        *("clusters", "backward", "network", "adoption", "coverage", "declarations", "quality"),
        *("rules", "token"),
    ),
    "Publish counts": ("statistics", "publish_adoption"),
    "What an answer is": ("Answer", "AnswerQuality"),
    "Tables": ("connect", "open_lake", "show"),
    "Pictures and files": (
        "draw_adoption",
        "draw_timeline",
        "timeline_image",
        "draw_network",
        "network_image",
        "save_network",
    ),
    "The registry": (
        "add_venue",
        "import_venues",
        "move_venue",
        "close_venues",
        "list_venues",
        "list_history",
    ),
    "Cases": ("list_cases", "add_case", "withdraw_case"),
    "Exposure lists": ("export_list", "check_list"),
    "Pages": ("serve",),
    "Streams": ("land", "publish", "watch"),
    "Care of a lake": ("doctor", "compact", "verify", "purge", "erase", "rotate"),
}

HEAD = """# Python API

Made by `python docs/make_python_api.py` from the docstrings; do not edit.

Every function is imported from `pipelines`, such as `from pipelines import overlaps, trace`. Importing one
imports only what it needs: a question to the lake does not load Beam.

A lake is a folder or a URL, or what `open_lake` hands back. A time is a text with an offset
(`2021-07-01T08:30:00+07:00`), a `datetime` with a zone, or a date: a date alone begins at the midnight of
`Asia/Ho_Chi_Minh`, and as the end of a span it includes the whole of that day. Errors are those of
`pipelines.errors`; each names what is wrong and what to do about it.

In the examples `lake` is a lake of one café and one home: `an` was at the café from 15:00 to 17:00 on 10 July
and at home later; `binh` was at the café from 15:30 on and did not scan out. `an` is case BN-1, and case BN-2
has never scanned.
"""

_SECTION = re.compile(r"^(Args|Attributes|Example|Returns|Raises|Yields):$")
_TITLES = {"Args": "Arguments"}
_LINE = 100


def page() -> str:
    """The whole page, Markdown."""
    lines = [HEAD]
    for title, names in SECTIONS.items():
        lines.append(f"## {title}\n")
        for name in names:
            lines += _entry(name, getattr(pipelines, name))
    return "\n".join(lines).rstrip() + "\n"


def _entry(name: str, thing: Any) -> Iterator[str]:
    """A heading, the signature of a function, and the docstring."""
    yield f"### {name}\n"
    if inspect.isfunction(thing):
        yield f"```python\n{_signature(name, thing)}\n```\n"
    yield from _described(inspect.getdoc(thing) or "")


def _signature(name: str, function: Any) -> str:
    """The signature as the source writes it, an argument a line where it is long."""
    source = textwrap.dedent(inspect.getsource(function))
    (node,) = (part for part in ast.parse(source).body if isinstance(part, ast.FunctionDef))
    result = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    whole = f"{name}({ast.unparse(node.args)}){result}"
    if len(whole) <= _LINE:
        return whole
    return "\n".join([f"{name}(", *(f"    {one}," for one in _arguments(node.args)), f"){result}"])


def _arguments(given: ast.arguments) -> Iterator[str]:
    first_default = len(given.args) - len(given.defaults)
    for number, argument in enumerate(given.args):
        default = given.defaults[number - first_default] if number >= first_default else None
        yield _argument(argument, default)
    if given.kwonlyargs:
        yield "*"
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _argument(argument, default)


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    kind = "" if argument.annotation is None else f": {ast.unparse(argument.annotation)}"
    value = "" if default is None else f" = {ast.unparse(default)}"
    return f"{argument.arg}{kind}{value}"


def _described(text: str) -> Iterator[str]:
    """A docstring of Google's style as Markdown."""
    section, held = "", list[str]()
    for line in [*text.splitlines(), "Args:"]:
        found = _SECTION.match(line)
        if not found:
            held.append(line)
            continue
        yield from _part(section, textwrap.dedent("\n".join(held)).strip("\n"))
        section, held = found[1], []


def _part(section: str, text: str) -> Iterator[str]:
    if not text.strip():
        return
    if section == "Example":
        yield f"```pycon\n{text}\n```\n"
    elif section in ("", "Returns", "Yields"):
        yield f"**{section}:** {text}\n" if section else f"{text}\n"
    else:
        yield f"**{_TITLES.get(section, section)}**\n"
        yield "\n".join(_items(text)) + "\n"


def _items(text: str) -> Iterator[str]:
    """A bullet for each `name: what it is`; deeper lines continue the one before."""
    for line in text.splitlines():
        if line.startswith(" "):
            yield f"  {line.strip()}"
        else:
            names, colon, rest = line.partition(": ")
            yield f"- `{names}`{colon}{rest}" if colon else f"- {line}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
