"""What the program says in English, in the language of a page: findings of doctor and errors."""

import functools
import re
from collections.abc import Mapping
from typing import Final

from pipelines.checkup.said import Age, Count, Said, Size
from pipelines.export.pages.wording import Wording
from pipelines.web.rendering import FILES
from schemas.toml_file import read_toml

_UNIT: Final = "unit"
_MOST_SIGNS: Final = 2_000
"""Of a sentence that is compared with templates; a longer one is none of ours."""


def said_in(words: Wording, sentence: str) -> str | None:
    """Say a sentence of the program in the language of a page.

    Args:
        words: the language.
        sentence: English; a `Said` knows its template, of another text it is looked for.

    Returns:
        None when the language has no words for it.
    """
    if words.language == "en":
        return str(sentence)
    if not sentence:
        return ""
    if isinstance(sentence, Said):
        template = _templates().get(sentence.template)
        # A template without letters of its own, such as one of a path alone, is the same in all languages.
        if template is None and re.search(r"[^\W\d_]", re.sub(r"{\w+}", "", sentence.template)):
            return None
        values = {name: _value_in(words, value) for name, value in sentence.values.items()}
        return (template or sentence.template).format(**values)
    if template := _templates().get(sentence):
        return template
    # A regular expression with several lazy groups is slow on a very long text.
    for pattern, template in _patterns() if len(sentence) <= _MOST_SIGNS else ():
        # Those that say most come first, so that a general template does not take a special sentence.
        if found := pattern.fullmatch(sentence):
            return template.format(
                **{name: _text_in(words, text) for name, text in found.groupdict().items()}
            )
    return None


def _value_in(words: Wording, value: object) -> str:
    """A value of a sentence as the language writes it."""
    if isinstance(value, Age):
        value = value.count
    if isinstance(value, Count):
        return f"{words.number(value.number)} {_units()[value.one]}"
    if isinstance(value, Size):
        return str(value).replace(".", ",")
    if type(value) is int:
        return words.number(value)
    return _text_in(words, value if isinstance(value, str) else str(value))  # a `Said` stays one


def _text_in(words: Wording, text: str) -> str:
    """A text inside a sentence: another sentence, or a name that is the same in all languages."""
    said = said_in(words, text)
    return text if said is None else said


@functools.cache
def _file() -> Mapping[str, Mapping[str, str]]:
    return read_toml(FILES / "said_vi.toml")


def _units() -> Mapping[str, str]:
    return _file()[_UNIT]


@functools.cache
def _templates() -> Mapping[str, str]:
    return {key: text for name, part in _file().items() if name != _UNIT for key, text in part.items()}


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Templates with values as patterns, those that say most first."""
    templates = sorted(_templates().items(), key=lambda one: -len(re.sub(r"{\w+}", "", one[0])))
    return [(_pattern(key), text) for key, text in templates if "{" in key]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"{(\w+)}", template)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    )
