import datetime as dt

import pytest

from schemas.rules import (
    DEFAULT_RULE,
    Chain,
    Contact,
    Infectious,
    Override,
    RuleError,
    load_rule,
    shipped_rules,
)

LEAST = 'id = "x"\ntitle = "t"\nsource = "s"\nvalid_from = 2020-12-31\n[contact]\n'


def load(text, tmp_path):
    path = tmp_path / "pack.toml"
    path.write_text(text, encoding="utf-8")
    return load_rule(str(path))


def test_the_packs_of_the_contract_are_shipped():
    assert shipped_rules() == sorted(
        ["who-2020-12", "cdc-2020-10", "ecdc-2020-12", "vn-2020-12", "vn-2021-12", "tas-2021-02", "cwa-2021"]
    )


@pytest.mark.parametrize("name", shipped_rules())
def test_every_shipped_pack_loads_and_says_what_it_omits(name):
    rule = load_rule(name)
    assert rule.id == name
    assert rule.omits


@pytest.mark.parametrize("name", ["vn-2020-12", "vn-2021-12"])
def test_a_vietnamese_pack_says_that_it_has_to_be_confirmed(name):
    assert any("epidemiologist has to confirm" in text for text in load_rule(name).omits)


@pytest.mark.parametrize(
    ("name", "infectious", "contact", "chain"),
    [
        ("who-2020-12", Infectious(2, 2, 13), Contact(15, max_distance_m=1), Chain()),
        ("ecdc-2020-12", Infectious(2, 2, 14), Contact(15, max_distance_m=2), Chain()),
        ("cdc-2020-10", Infectious(2, 2), Contact(15, "24h", max_distance_m=1.8288), Chain()),
        ("vn-2020-12", Infectious(3, 3), Contact(), Chain(0, 2)),
        ("vn-2021-12", Infectious(2, 2), Contact(), Chain()),
        ("tas-2021-02", Infectious(3, 3), Contact(60), Chain(24, 2)),
        ("cwa-2021", Infectious(), Contact(10, indirect_minutes=30), Chain()),
    ],
)
def test_a_shipped_pack_holds_what_the_authority_wrote(name, infectious, contact, chain):
    rule = load_rule(name)
    assert (rule.infectious, rule.contact, rule.chain) == (infectious, contact, chain)


def test_the_default_rule_is_shipped():
    assert load_rule(DEFAULT_RULE).contact.min_minutes == 15


def test_what_a_pack_leaves_unsaid_has_the_default_of_the_contract(tmp_path):
    rule = load(LEAST, tmp_path)
    assert (rule.valid_from, rule.valid_to, rule.omits) == (dt.date(2020, 12, 31), None, ())
    assert rule.infectious == Infectious(0, 0, None)
    assert rule.contact == Contact(0, "each", 0, False, None, None)
    assert (rule.chain, rule.overrides) == (Chain(0, 1), ())


def test_the_days_before_a_sample_are_those_before_onset_unless_given(tmp_path):
    text = LEAST + "[infectious]\ndays_before_onset = 2.5\n"
    assert load(text, tmp_path).infectious == Infectious(2.5, 2.5, None)
    assert load(text + "days_before_sample = 0", tmp_path).infectious == Infectious(2.5, 0, None)


def test_all_keys_are_read(tmp_path):
    rule = load(
        'id="x"\ntitle="t"\nsource="s"\nvalid_from=2020-01-01\nvalid_to=2020-01-01\nomits="o"\n'
        "[infectious]\ndays_before_onset=1\ndays_before_sample=2\ndays_after=0\n"
        '[contact]\nmin_minutes=5\naccumulate="window"\nindirect_minutes=6\nsame_zone=true\n'
        "max_distance_m=1.5\nmax_attenuation_db=60\n[chain]\nlatency_hours=24\nmax_tier=3\n"
        '[[override]]\nvenue_type="shop"\nmin_minutes=30\n[[override]]\nvenue_type="home"\nsame_zone=false\n',
        tmp_path,
    )
    contact = Contact(5, "window", 6, True, 1.5, 60)
    assert (rule.valid_to, rule.omits) == (dt.date(2020, 1, 1), ("o",))
    assert rule.infectious == Infectious(1, 2, 0)
    assert (rule.contact, rule.chain) == (contact, Chain(24, 3))
    assert rule.overrides == (
        Override("shop", Contact(30, "window", 6, True, 1.5, 60)),
        Override("home", Contact(5, "window", 6, False, 1.5, 60)),
    )
    assert rule.contact_at("home") == rule.overrides[1].contact
    assert rule.contact_at("office") == contact


@pytest.mark.parametrize("key", ["id", "title", "source", "valid_from", "contact"])
def test_a_required_key_that_is_missing_is_named(key, tmp_path):
    text = "".join(line + "\n" for line in LEAST.splitlines() if not line.strip("[").startswith(key))
    with pytest.raises(RuleError, match=rf"{key}\]? is missing"):
        load(text, tmp_path)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("min_minuts = 1", "min_minuts"),
        ("min_minutes = -1", "min_minutes"),
        ('min_minutes = "15"', "min_minutes"),
        ("min_minutes = true", "min_minutes"),
        ("min_minutes = nan", "min_minutes"),
        ("max_distance_m = inf", "max_distance_m"),
        ('accumulate = "48h"', "accumulate"),
        ("accumulate = []", "accumulate"),
        ("same_zone = 1", "same_zone"),
        ("[infectious]\ndays_after = -1", "days_after"),
        ("[infectious]\ndays = 1", "days"),
        ("[chain]\nmax_tier = 0", "max_tier"),
        ("[chain]\nmax_tier = 1.0", "max_tier"),
        ("[chain]\nmax_tier = true", "max_tier"),
        ("[chain]\nlatency = 1", "latency"),
        ("[override]\nvenue_type = 'shop'", "override"),
        ("[[override]]\nmin_minutes = 1", "venue_type"),
        ("[[override]]\nvenue_type = 'zoo'", "venue_type"),
        ("[[override]]\nvenue_type = 'shop'\n[[override]]\nvenue_type = 'shop'", "shop has two overrides"),
        ("[[override]]\nvenue_type = 'shop'\nmax_tier = 2", "max_tier"),
        ("[strange]", "strange"),
        ("[contact]", "not TOML"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(more, named, tmp_path):
    with pytest.raises(RuleError, match=named) as caught:
        load(LEAST + more, tmp_path)
    assert "pack.toml" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("2020-12-31", '"2020-12-31"', "valid_from must be a date"),
        ("2020-12-31", "2020-12-31T00:00:00Z", "valid_from must be a date"),
        ("2020-12-31", "2020-12-31\nvalid_to = 2020-12-30", "valid_to must not be before valid_from"),
        ("2020-12-31", "2020-12-31\nomits = [1]", "omits"),
        ("[contact]", "contact = 1", "contact must be a table"),
    ],
)
def test_dates_texts_and_tables_must_be_such(old, new, named, tmp_path):
    with pytest.raises(RuleError, match=named):
        load(LEAST.replace(old, new), tmp_path)


def test_an_unknown_id_is_answered_with_the_nearest_one():
    with pytest.raises(RuleError, match=r"did you mean who-2020-12\?"):
        load_rule("who-2020")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RuleError, match="cannot be read"):
        load_rule(str(tmp_path / "no.toml"))


def test_a_pack_of_ones_own_needs_no_name_of_its_id_and_no_ending(tmp_path):
    (tmp_path / "own").write_text(LEAST, encoding="utf-8")
    assert load_rule(str(tmp_path / "own")).id == "x"
