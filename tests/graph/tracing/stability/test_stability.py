"""Stability of a list, beside traces of lakes from which scans, visits or people are really missing."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines import trace
from pipelines.cli import main
from pipelines.errors import UsageError
from pipelines.graph.tracing.infectious_intervals import isolation_in
from pipelines.graph.tracing.request import make_request
from pipelines.graph.tracing.rows import TRACE
from pipelines.graph.tracing.stability.in_play import InPlay, people_in_play, sources_in_play
from pipelines.graph.tracing.stability.scans_in_play import lake_scans, scans_in_play
from pipelines.graph.tracing.stability.stability import COLUMNS, with_stability
from pipelines.graph.tracing.stability.thinning import kept, keys_of, keys_of_events, masks_of
from pipelines.graph.tracing.trace import run_trace, trace_rows
from pipelines.kernels.arrow_columns import codes_of, event_key_words, zone_codes
from pipelines.lake import read_table, snapshot
from pipelines.registry.registry import registry_from
from pipelines.windowing.pairing import pair
from schemas.codes import DIRECTIONS, ENTER_KINDS, EXIT_KINDS
from schemas.rules import load_rule
from schemas.stay_rules import load_stay_rules
from tests.graph.meetings import put_encounters
from tests.lakes import (
    assert_one_line,
    at,
    new_lake,
    person_token,
    put,
    put_cases,
    put_scans,
    put_stays,
    put_venues,
)

DRAWS = 3
VENUES = (
    "venue_code | type\ncafe | restaurant\noffice | office\nshop | shop\nbar | entertainment\nmarket | market"
)
CASES = "case_id | person | onset_at\nBN-1 | p0 | 11 00:00\nBN-2 | p1 | 12 00:00"
PLACES = ("cafe", "office", "shop", "bar", "market")
SAME_ZONE = """
id = "same-zone"
title = "Ten minutes in one zone"
source = "None: a rule for this test"
valid_from = 2020-01-01
[infectious]
days_before_onset = 2
[contact]
min_minutes = 10
same_zone = true
"""
RULES = ("who-2020-12", "vn-2020-12")


def scans_of_a_town():
    """People who scan in, and mostly out, at five venues over four days, some in a zone."""
    chosen, zones = np.random.default_rng(4), np.random.default_rng(5)
    rows = []
    for person in range(250):
        for day in range(9, 13):
            at = 7 * 60 + int(chosen.integers(0, 600))
            for venue in chosen.permutation(PLACES)[: chosen.integers(0, 3)]:
                stay = int(chosen.integers(10, 90))
                rows.append((person, venue, day, at, "in"))
                if chosen.random() < 0.6:
                    rows.append((person, venue, day, at + stay, "out"))
                at += stay + int(chosen.integers(5, 200))
    return [
        {
            "person": f"p{person}", "venue": venue, "direction": direction,
            "occurred_at": f"{day} {at // 60:02}:{at % 60:02}", "zone": zones.choice([None, "A", "B"]),
        }
        for person, venue, day, at, direction in rows
        if at < 24 * 60
    ]  # fmt: skip


def lake_from(folder, like=None, *, scans=None, stays=None, people=None):
    """A lake of the town, its stays those of some of its scans; or some of the stays of another lake."""
    lake = new_lake(folder)
    put_venues(lake, VENUES)
    if like is None:
        put_scans(lake, scans_of_a_town())
    put_stays(lake, paired(like or lake, scans) if stays is None else stays)
    put_cases(lake, CASES if like is None else cases_of(like))
    if like is None:
        put_encounters(
            lake,
            "person_a|person_b|started_at|ended_at\np0|p39|11 08:00|11 08:30\np39|p38|11 20:00|11 21:00",
        )
    else:
        met = read_table(like, "encounters")
        if people is not None:
            known = pa.array(people)
            met = met.filter(pc.and_(pc.is_in(met["person_a"], known), pc.is_in(met["person_b"], known)))
        put(lake, "encounters", met.drop_columns(["date"]), day_of="started_at")
    return lake


def cases_of(lake):
    """The cases of a lake by token, for a lake with other keys."""
    rows = read_table(lake, "cases", ["case_id", "person", "onset_at"])
    onsets = rows["onset_at"].cast(pa.int64()).to_pylist()
    columns = (rows["case_id"].to_pylist(), rows["person"].to_pylist(), onsets)
    names = ("case_id", "person", "onset_at")
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def paired(lake, keep):
    """The stays of a lake's scans, all or some, made by the pairing rule in one piece."""
    rows = read_table(lake, "scans").sort_by([("venue", "ascending"), ("occurred_at", "ascending")])
    high, low = event_key_words(rows["event_key"].combine_chunks())
    chosen = np.arange(rows.num_rows) if keep is None else np.flatnonzero(keep(high, low))
    venue, at_us = rows["venue"].to_numpy(), rows["occurred_at"].cast(pa.int64()).to_numpy()
    names, zone = zone_codes(rows["zone"].dictionary_encode())
    registry = registry_from(read_table(lake, "venues"))
    columns = (
        rows["person"].to_numpy(), venue, at_us, high, low, codes_of(rows["direction"], DIRECTIONS),
        zone, registry.type_codes(venue, at_us),
    )  # fmt: skip
    made = pair(*(column[chosen] for column in columns), load_stay_rules())
    return [
        {
            "person": int(made.person[row]), "venue": int(made.venue[row]),
            "enter": int(made.enter_us[row]), "exit": int(made.exit_us[row]),
            "enter_kind": ENTER_KINDS[made.enter_kind[row]], "exit_kind": EXIT_KINDS[made.exit_kind[row]],
            "last_seen": int(made.last_seen_us[row]),
            "zone": names[made.zone[row]].as_py() if made.zone[row] >= 0 else None,
        }
        for row in range(made.person.size)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return lake_from(tmp_path_factory.mktemp("town"))


UNTIL = "2021-07-13"


def rule_in(folder, rule):
    """The id of a shipped rule pack, or the path of one that is written out here."""
    if rule != SAME_ZONE:
        return rule
    path = folder / "same-zone.toml"
    path.write_text(rule, encoding="utf-8")
    return str(path)


def stays_of(lake):
    """The stays of a lake as rows that `put_stays` takes, with their ids."""
    rows = read_table(lake, "stays")
    rows = rows.filter(pc.equal(rows["by"], "person"))
    times = {name: rows[name].cast(pa.int64()).to_pylist() for name in ("enter", "exit", "last_seen")}
    names = ("person", "venue", "enter_kind", "exit_kind", "stay_id", "zone")
    columns = {**{name: rows[name].to_pylist() for name in names}, **times}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def listed(lake, rule, depth):
    return set(trace(lake, all_cases=True, rule=rule, depth=depth, until=UNTIL)["person"].to_pylist())


def expected(town, tmp_path, rule, make, depth=2):
    """The share of draws in which the trace of a lake that really lacks something has each person."""
    lists = [listed(make(tmp_path / f"draw{draw}", draw), rule, depth) for draw in range(DRAWS)]
    rows = trace(town, all_cases=True, rule=rule, depth=depth, until=UNTIL)
    return [sum(person in one for one in lists) / DRAWS for person in rows["person"].to_pylist()]


def found(town, rule, column, depth=2):
    answer = trace(town, all_cases=True, rule=rule, depth=depth, until=UNTIL, stability=DRAWS)
    return answer[column].to_pylist()


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("rule", RULES)
def test_people_are_missing_with_all_that_is_theirs(town, tmp_path, rule, depth):
    cases = read_table(town, "cases")["person"].to_numpy()
    stays = stays_of(town)
    persons = np.unique([stay["person"] for stay in stays])

    def make(folder, draw):
        left = persons[kept("people", draw, keys_of(persons)) | np.isin(persons, cases)]
        return lake_from(folder, town, stays=[stay for stay in stays if stay["person"] in left], people=left)

    shares = found(town, rule, "stability_people", depth)
    assert shares == pytest.approx(expected(town, tmp_path, rule, make, depth))
    assert min(shares) < max(shares)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("rule", [*RULES, SAME_ZONE], ids=[*RULES, "same zone"])
def test_visits_are_missing_and_encounters_are_not(town, tmp_path, rule, depth):
    rule = rule_in(tmp_path, rule)
    stays = stays_of(town)
    ids = np.array([stay["stay_id"] for stay in stays])

    def make(folder, draw):
        some = kept("visits", draw, keys_of(ids)).tolist()
        return lake_from(
            folder, town, stays=[stay for stay, is_kept in zip(stays, some, strict=True) if is_kept]
        )

    shares = found(town, rule, "stability_visits", depth)
    assert shares == pytest.approx(expected(town, tmp_path, rule, make, depth))
    assert min(shares) < max(shares)


def without_scans(town):
    def make(folder, draw):
        return lake_from(folder, town, scans=lambda high, low: kept("scans", draw, keys_of_events(high, low)))

    return make


@pytest.mark.parametrize("rule", ["who-2020-12", SAME_ZONE], ids=["who", "same zone"])
def test_scans_are_missing_and_the_others_are_paired_again(town, tmp_path, rule):
    rule = rule_in(tmp_path, rule)
    shares = found(town, rule, "stability_scans", depth=1)
    assert shares == pytest.approx(expected(town, tmp_path, rule, without_scans(town), depth=1))
    assert min(shares) < max(shares)


@pytest.mark.parametrize("depth", [2, 3])
def test_whom_only_a_missing_scan_makes_an_infector_passes_on_to_nobody(town, tmp_path, depth):
    """A stay that ends later for want of its `out` may reach people sooner, and those are left aside."""
    shares = np.array(found(town, "who-2020-12", "stability_scans", depth))
    true = np.array(expected(town, tmp_path, "who-2020-12", without_scans(town), depth))
    assert (shares <= true + 1e-9).all()
    assert (true - shares).mean() < 0.02
    assert shares.min() < shares.max()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("rule", ["who-2020-12", "vn-2020-12", SAME_ZONE], ids=["who", "vn", "same zone"])
def test_where_people_are_looked_for_first_changes_no_share(town, tmp_path, rule, depth):
    pack = load_rule(rule_in(tmp_path, rule))
    request = make_request(town, pack, [], all_cases=True, depth=depth, until=UNTIL)
    traced = run_trace(town, request)
    rows = trace_rows(town, request)
    around = (traced.where, traced.rule, traced.index, traced.cases, isolation_in(town))
    at_once, *others = (
        with_stability(town, rows, *around, depth, 70, (3, 4), parts)
        for parts in ((), (2,), (16, 8, 4, 2), (7, 5, 3))
    )
    for name in COLUMNS:
        assert 0 < min(at_once[name].to_pylist()) < 1
    for looked_at in others:
        assert looked_at.equals(at_once)


def with_nothing_left_out(lake, rule, depth):
    """The list of all cases, with draws that keep every key."""
    request = make_request(lake, rule, [], all_cases=True, depth=depth, until=UNTIL)
    traced, rows = run_trace(lake, request), trace_rows(lake, request)
    around = (traced.where, traced.rule, traced.index, traced.cases, isolation_in(lake))
    return with_stability(lake, rows, *around, depth, 2, share=(1, 1))


@pytest.mark.parametrize("rule", [*RULES, "tas-2021-02"])
def test_draws_that_leave_out_nothing_keep_every_row(town, rule):
    made = with_nothing_left_out(town, load_rule(rule), 2)
    assert made.column_names == [*TRACE.names, *COLUMNS]
    assert made.num_rows > 2
    for name in COLUMNS:
        assert set(made[name].to_pylist()) == {1.0}


@pytest.mark.parametrize("size", [1, 7, 400])
def test_pieces_of_visits_make_the_stays_of_all(town, size):
    request = make_request(town, load_rule("vn-2020-12"), [], all_cases=True, depth=2, until=UNTIL)
    traced = run_trace(town, request)
    rows = trace_rows(town, request)
    around = (traced.where, traced.index, traced.cases, isolation_in(town))
    people = people_in_play(*around, rows["person"].to_numpy(), rows["tier"].to_numpy())
    since_us = np.full(people.persons.size, people.from_us())
    sources = sources_in_play(traced.where, people, since_us, people.from_us(), traced.where.until_us)
    wanted = np.full(people.persons.size, 2**64 - 1, np.uint64)
    play = InPlay(people, sources, wanted, people.from_us(), traced.where.until_us, True)
    scans = scans_in_play(lake_scans(town), traced.where, play)
    kept_by = masks_of("scans", range(5), scans.events()[0])
    stays, draws = scans.stays(kept_by, 5)
    pieces = list(scans.in_pieces(size))
    assert len(pieces) > 1
    made = [piece.stays(kept_by, 5) for piece in pieces]
    assert np.concatenate([mask for _, mask in made]).tolist() == draws.tolist()
    for name in stays._fields:
        column = np.concatenate([getattr(some, name) for some, _ in made])
        assert column.tolist() == getattr(stays, name).tolist()


def test_fewer_draws_are_the_first_of_more(town):
    one, two, three = (
        np.array(trace(town, "BN-1", until=UNTIL, stability=draws)["stability_visits"].to_pylist()) * draws
        for draws in (1, 2, 3)
    )
    assert ((two - one >= 0) & (three - two >= 0) & (three - one <= 2)).all()


def test_more_draws_than_a_mask_has_bits_are_traced_too(town):
    some, more = (
        trace(town, all_cases=True, rule="vn-2020-12", until=UNTIL, stability=draws) for draws in (64, 67)
    )
    for name in COLUMNS:
        kept_by_the_last = np.array(more[name]) * 67 - np.array(some[name]) * 64
        assert ((kept_by_the_last > -1e-6) & (kept_by_the_last < 3 + 1e-6)).all()
        assert kept_by_the_last.max() > 1


def test_a_list_of_encounters_alone_depends_on_the_people_only(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_cases(lake, "case_id | person | onset_at\nBN-1 | p0 | 11 00:00")
    met = ("p0|p39|11 08:00|11 08:30", "p39|p38|12 08:00|12 09:00", "p38|p37|12 18:00|12 19:00")
    put_encounters(lake, "\n".join(("person_a|person_b|started_at|ended_at", *met)))
    # Keys are drawn: a person is in all of 40 draws once in 70 lakes, and in all of 200 never.
    rows = trace(lake, "BN-1", rule="vn-2020-12", depth=3, until=UNTIL, stability=200)
    assert rows["tier"].to_pylist() == [1, 2, 3]
    assert rows["stability_scans"].to_pylist() == rows["stability_visits"].to_pylist() == [1.0] * 3
    by_people = rows["stability_people"].to_pylist()
    assert 0 < by_people[2] < by_people[1] < by_people[0] < 1


def lake_of_two(folder, isolated, scans):
    """A lake of a case and one more person, with their scans."""
    lake = new_lake(folder)
    put_venues(lake, VENUES)
    put_scans(lake, "\n".join(("person | venue | direction | occurred_at", *scans)))
    put_stays(lake, paired(lake, None))
    put_cases(lake, f"case_id | person | onset_at | isolated_at\nBN-1 | p0 | {isolated}")
    return lake


@pytest.mark.parametrize("depth", [1, 2])
def test_who_comes_after_the_last_case_has_left_can_be_kept(tmp_path, depth):
    lake = lake_of_two(
        tmp_path,
        "11 00:00 | 11 23:59",
        ("p0 | cafe | in | 11 21:00", "p0 | cafe | out | 11 23:58", "p1 | cafe | in | 12 00:05",
         "p1 | cafe | out | 12 02:00"),
    )  # fmt: skip
    made = with_nothing_left_out(lake, load_rule("cwa-2021"), depth)
    assert [made[name].to_pylist() for name in COLUMNS] == [[1.0]] * 3


def test_who_infects_in_some_draws_can_come_after_all_others_have_left_in_another(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(
        lake,
        """
        person | venue | enter    | exit
        p0     | cafe  | 10 08:00 | 10 10:00
        p1     | cafe  | 10 08:00 | 10 10:00
        p2     | cafe  | 10 08:00 | 10 10:00
        p2     | shop  | 11 22:00 | 11 23:50
        p1     | shop  | 12 00:05 | 12 01:00
        """,
    )
    put_cases(
        lake,
        """
        case_id | person | onset_at | isolated_at
        BN-1    | p0     | 10 00:00 | 10 20:00
        BN-2    | p1     |          | 11 21:00
        BN-3    | p2     |          | 11 23:55
        """,
    )
    stay_ids = {(stay["person"], stay["enter"]): stay["stay_id"] for stay in stays_of(lake)}
    who = [person_token(lake, name) for name in ("p0", "p1", "p2", "p2", "p1")]
    entered = ("10 08:00", "10 08:00", "10 08:00", "11 22:00", "12 00:05")
    keys = keys_of(np.array([stay_ids[one, at(when)] for one, when in zip(who, entered, strict=True)]))
    # Keys are drawn: of 60 draws none would tell the two ways apart in one lake of 60, of 300 in none.
    p0, p1, p2, p2_later, p1_later = np.array([kept("visits", draw, keys) for draw in range(300)]).T
    rows = trace(lake, "BN-1", rule="cwa-2021", depth=2, until=UNTIL, stability=300)
    shares = dict(zip(rows["person"].to_pylist(), rows["stability_visits"].to_pylist(), strict=True))
    draws = p0 & (p1 | (p2 & p2_later & p1_later))
    assert (draws != p0 & p1).any()
    assert shares[who[1]] == pytest.approx(draws.mean())


@pytest.mark.parametrize("depth", [1, 2])
def test_scans_are_read_as_far_as_indirect_contact_reaches(tmp_path, depth):
    lake = lake_of_two(
        tmp_path,
        "10 00:00 | 10 20:00",
        ("p0 | cafe | in | 10 08:00", "p0 | cafe | out | 10 10:00", "p1 | cafe | in | 12 01:00",
         "p1 | cafe | out | 12 01:50"),
    )  # fmt: skip
    rule = load_rule("cwa-2021")
    rule = replace(rule, contact=replace(rule.contact, indirect_minutes=40 * 60))
    made = with_nothing_left_out(lake, rule, depth)
    assert [made[name].to_pylist() for name in COLUMNS] == [[1.0]] * 3


def test_an_empty_list_has_the_columns_too(tmp_path):
    answer = trace(new_lake(tmp_path), all_cases=True, stability=2)
    assert answer.column_names == [*TRACE.names, "doubt", *COLUMNS]
    assert answer.num_rows == 0


@pytest.mark.parametrize("draws", [0, -1, 1_001])
def test_draws_must_be_a_number_that_can_be_made(town, draws):
    with pytest.raises(UsageError, match="--stability must be an integer from 1 to 1,000"):
        trace(town, "BN-1", stability=draws)


def test_the_command_adds_the_columns_and_says_what_to_expect(town, capsys):
    asked = ["trace", "--lake", town.url, "--case", "BN-1", "--until", UNTIL]
    assert main([*asked, "--stability", "3", "--capacity", "2", "--format", "csv"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].endswith(",call,stability_scans,stability_visits,stability_people")
    assert "rows expect to lose" in shown.err
    assert main([*asked, "--stability", "3", "--format", "json"]) == 0
    assert '"stability_people"' in capsys.readouterr().out
    assert snapshot(town, "stays").version == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--stability", "0"], "--stability must be an integer from 1"),
        (["--stability", "MARKER"], "--stability"),
        (["--stability", "3", "--explain", "device:p3"], "--stability belongs to the list"),
        (["--stability", "3", "--compare", "vn-2020-12"], "--stability belongs to the list"),
    ],
)
def test_a_malformed_question_is_one_line(town, capsys, flags, said):
    assert main(["trace", "--lake", town.url, "--case", "BN-1", *flags]) == 2
    assert_one_line(capsys.readouterr(), said)
