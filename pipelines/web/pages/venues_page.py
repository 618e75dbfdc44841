"""Venues: the registry, codes that it lacks, registering, closing, and posters."""

import datetime as dt
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.lake import Lake, open_lake, read_table
from pipelines.privacy.personal_text import looks_personal
from pipelines.registry.listing import list_venues
from pipelines.registry.unregistered_codes import list_unregistered
from pipelines.terminal.options import keys_folder
from pipelines.web.forms import CHANGING, typed
from pipelines.web.page_ledger import note_visit, purpose_now
from pipelines.web.rendering import page, session_now, words_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.table_view import page_of, sort_link, sorted_rows
from pipelines.web.web_errors import PageError
from schemas.stay_rules import VENUE_TYPES

_COLUMNS: Final = ("venue", "name", "type", "zone", "district_code", "capacity", "closed_at")
_POSTERS: Final = {"pdf": "application/pdf", "svg": "image/svg+xml"}
_FIELDS: Final = ("venue", "name", "zone", "district_code", "commune_code", "capacity")


def add_venues(app: Flask, settings: ServeSettings) -> None:
    """Add the pages and their changes."""

    @app.get("/venues")
    def venues() -> Response:
        return _venues_page(settings, {}, "")

    @app.post("/venues/search")
    def search_venues() -> AnyResponse:
        session_now().remembered["venues"] = {"text": typed("text"), "type": typed("type")}
        return redirect("/venues", 303)

    @app.get("/venues/unregistered")
    def unregistered() -> Response:
        lake = note_visit(settings, "unregistered venues", number=request.args.get("page"))
        rows = list_unregistered(lake.url, keys=_keys(settings, lake))
        shown, pager = page_of(rows, request.args.get("page", ""), "/venues/unregistered", {})
        title = words_now()("venues", "unregistered_title")
        listed = [row | {"differs": _differs(row["differs"] or "")} for row in shown.to_pylist()]
        return page("unregistered", title, {"rows": listed, "pager": pager}, lake=lake)

    _add_changes(app, settings)


def _add_changes(app: Flask, settings: ServeSettings) -> None:
    """Add what is done from the page."""

    @app.post("/venues/add")
    def register() -> AnyResponse:
        purpose = purpose_now()
        fields = {name: typed(name) for name in (*_FIELDS, "type")}
        # Attempts are noted as well, before anything is tested.
        note_visit(settings, "register a venue", purpose=purpose, venue=_named(fields["venue"]))
        if not fields["venue"] or fields["type"] not in VENUE_TYPES:
            return _venues_page(settings, fields, "venue_incomplete", 422)
        from pipelines.drivers.register_venues import add_venue  # loads Beam

        try:
            with CHANGING:
                add_venue(settings.lake, _record(fields), keys=settings.keys)
        except RefusedError:
            return _venues_page(settings, fields, "venue_known", 409)
        except DataError:
            return _venues_page(settings, fields, "venue_district", 422)
        except UsageError:
            return _venues_page(settings, fields, "venue_refused", 422)
        return _done("venue_added", fields["venue"])

    @app.post("/venues/close")
    def close() -> AnyResponse:
        purpose = purpose_now()
        venue = typed("venue")
        lake = note_visit(settings, "close a venue", purpose=purpose, venue=_named(venue))
        _require_venue(lake, venue)
        from pipelines.drivers.register_venues import close_venues  # loads Beam

        with CHANGING:
            close_venues(settings.lake, [venue], keys=settings.keys)
        return _done("venue_closed", venue)

    @app.post("/venues/poster")
    def poster() -> Response:
        venue, kind = typed("venue"), typed("kind") or "pdf"
        if kind not in _POSTERS:
            raise PageError(422, "wrong_question")
        lake = note_visit(settings, "poster", venue=_named(venue), kind=kind)
        _require_venue(lake, venue)
        return _poster(settings, lake, venue, kind)


def _poster(settings: ServeSettings, lake: Lake, venue: str, kind: str) -> Response:
    """The poster of a venue as a download.

    Raises:
        PageError: no key signs codes, or the code does not fit.
    """
    from pipelines.codes.poster_files import write_pdf, write_svg  # loads what draws
    from pipelines.codes.printing import Wanted, places_to_print, posters_of

    places = places_to_print(read_table(lake, "venues"), [venue], dt.datetime.now(dt.UTC))
    folder = keys_folder(settings.keys, lake.url)
    # Opens the lake to check that these are its keys, or posters would be signed by others.
    open_lake(lake.url, folder)
    try:
        (made,) = posters_of(places, Wanted(), folder)
    except DataError as error:
        raise PageError(409, "no_code_key", error.what, error.remedy) from error
    sink = BytesIO()
    if kind == "pdf":
        write_pdf([made], sink)
    else:
        write_svg(made, sink)
    response = Response(sink.getvalue(), content_type=_POSTERS[kind])
    # ASCII alone: the name stands in a header.
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in venue)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


def _named(venue: str) -> str | None:
    """A code as the ledger may keep it: what looks like a person's identifier was typed by mistake."""
    return None if looks_personal(venue) else venue


def _record(fields: Mapping[str, str]) -> dict[str, Any]:
    """A venue as the registry takes it."""
    return {name: value or None for name, value in fields.items()}


def _done(key: str, venue: str) -> AnyResponse:
    session_now().notes.append(words_now()("done", key, venue=venue))
    # The list then shows the venue that was changed.
    session_now().remembered["venues"] = {"text": venue, "type": ""}
    return redirect("/venues", 303)


def _require_venue(lake: Lake, venue: str) -> None:
    """Make sure that a venue is registered.

    Raises:
        PageError: it is not.
    """
    if not pc.any(pc.equal(read_table(lake, "venues", ["venue_code"])["venue_code"], venue)).as_py():
        raise PageError(404, "no_venue")


def _keys(settings: ServeSettings, lake: Lake) -> str:
    return str(keys_folder(settings.keys, lake.url))


def _venues_page(
    settings: ServeSettings, fields: Mapping[str, str], wrong: str, status: int = 200
) -> Response:
    """The page; after a form that was wrong, with what was typed."""
    lake = note_visit(settings, "venues", sort=request.args.get("sort"), number=request.args.get("page"))
    words = words_now()
    wanted: dict[str, str] = session_now().remembered.get("venues", {})
    sort = request.args.get("sort", "")
    rows = sorted_rows(_matching(list_venues(lake.url), wanted), sort, _COLUMNS)
    shown, pager = page_of(rows, request.args.get("page", ""), "/venues", {"sort": sort})
    values = {
        "rows": shown.to_pylist(),
        "pager": pager,
        "heads": [sort_link(words("venues", name), name, sort, "/venues", {}) for name in _COLUMNS],
        "wanted": wanted,
        "types": sorted(VENUE_TYPES, key=lambda kind: words("venue_type", kind)),
        "fields": {name: fields.get(name, "") for name in (*_FIELDS, "type")},
        "wrong": wrong,
    }
    return page("venues", words("venues", "title"), values, lake=lake, status=status)


def _matching(rows: pa.Table, wanted: Mapping[str, str]) -> pa.Table:
    text, kind = wanted.get("text", ""), wanted.get("type", "")
    if text:
        said = [
            pc.match_substring(pc.fill_null(rows[name], ""), text, ignore_case=True)
            for name in ("venue", "name")
        ]
        rows = rows.filter(pc.or_(*said))
    return rows.filter(pc.equal(rows["type"], kind)) if kind in VENUE_TYPES else rows


def _differs(said: str) -> str:
    """How two codes differ, in the language of the page: in characters, or in their spelling alone."""
    count = said.partition(" ")[0]
    words = words_now()
    return (
        words("venues", "differs", count=int(count)) if count.isdigit() else words("venues", "differs_form")
    )
