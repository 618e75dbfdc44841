import pytest

from pipelines.errors import UsageError
from schemas.stay_rules import VENUE_TYPES, load_stay_rules

MINUTE_US = 60_000_000
GOOD = 'version = "1"\n[dwell_minutes]\ndefault = 60\nshop = 30\n[max_stay_minutes]\ndefault = 720\n'

SHIPPED_MINUTES = {
    "other": (60, 720),
    "shop": (30, 720),
    "supermarket": (30, 720),
    "bookshop": (30, 720),
    "market": (30, 720),
    "restaurant": (60, 480),
    "railway_station": (30, 480),
    "wharf": (30, 480),
    "bus_station": (30, 480),
    "public_transport": (60, 720),
    "training_centre": (120, 480),
    "worship": (120, 480),
    "entertainment": (120, 480),
    "office": (240, 960),
    "business": (240, 960),
    "school": (240, 960),
    "hospital": (240, 960),
    "home": (480, 960),
}


def load(text, tmp_path):
    path = tmp_path / "stays.toml"
    path.write_text(text, encoding="utf-8")
    return load_stay_rules(path)


def test_the_shipped_durations_are_the_starting_values_for_every_venue_type():
    rules = load_stay_rules()
    assert set(VENUE_TYPES) == set(SHIPPED_MINUTES)
    for code, name in enumerate(VENUE_TYPES):
        minutes = (rules.dwell_us[code] // MINUTE_US, rules.max_stay_us[code] // MINUTE_US)
        assert minutes == SHIPPED_MINUTES[name]


def test_a_type_that_is_not_named_has_the_default(tmp_path):
    rules = load(GOOD, tmp_path)
    assert rules.version == "1"
    assert rules.dwell_us[VENUE_TYPES.index("shop")] == 30 * MINUTE_US
    assert rules.dwell_us[VENUE_TYPES.index("home")] == 60 * MINUTE_US


def test_the_bounce_is_a_minute_unless_the_file_sets_it(tmp_path):
    assert load_stay_rules().bounce_us == MINUTE_US
    assert load(GOOD, tmp_path).bounce_us == MINUTE_US
    assert load(f"bounce_seconds = 0\n{GOOD}", tmp_path).bounce_us == 0
    assert load(f"bounce_seconds = 3600\n{GOOD}", tmp_path).bounce_us == 60 * MINUTE_US


def test_days_are_a_longest_stay(tmp_path):
    rules = load(GOOD + f"hospital = {60 * 24 * 60}\n", tmp_path)
    assert rules.max_stay_us[VENUE_TYPES.index("hospital")] == 60 * 24 * 60 * MINUTE_US


def test_the_mark_tells_each_difference(tmp_path):
    marks = {load(text, tmp_path).mark for text in (GOOD, GOOD)}
    assert len(marks) == 1
    others = [
        GOOD.replace('"1"', '"2"'),
        GOOD.replace("30", "31"),
        GOOD.replace("720", "721"),
        f"bounce_seconds = 61\n{GOOD}",
    ]
    marks |= {load(text, tmp_path).mark for text in others}
    assert len(marks) == 5
    assert all(0 <= mark < 2**63 for mark in marks)


def test_durations_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="read-only"):
        load_stay_rules().dwell_us[0] = 1


def test_a_longest_stay_may_equal_the_dwell(tmp_path):
    rules = load(GOOD.replace("720", "60"), tmp_path)
    assert (rules.max_stay_us >= rules.dwell_us).all()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('version = "1"', "", "version"),
        ('version = "1"', "version = 1", "version"),
        ("shop", "shoop", "shoop"),
        ("[dwell_minutes]\ndefault = 60", "[dwell_minutes]", r"\[dwell_minutes\]: default is missing"),
        ("[max_stay_minutes]\ndefault = 720", "", r"\[max_stay_minutes\]: default is missing"),
        ("30", "0", "shop"),
        ("30", "-1", "shop"),
        ("30", "1.5", "shop"),
        ("30", "true", "shop"),
        ("30", "99999999999999999999", "shop"),
        ('version = "1"', 'version = "1"\nbounce_seconds = -1', "bounce_seconds must be a whole number"),
        ('version = "1"', 'version = "1"\nbounce_seconds = 3601', "from 0 to 3600"),
        ('version = "1"', 'version = "1"\nbounce_seconds = 1.5', "bounce_seconds"),
        ('version = "1"', 'version = "1"\nbounce_seconds = true', "bounce_seconds"),
        ("720", "59", "max_stay_minutes of office is below"),
        ("[max_stay", "[extra]\n[max_stay", "extra"),
        ("[dwell_minutes]", "dwell_minutes = 1\n[x]", "unknown key x|dwell_minutes"),
        ("= 60", "=", "is not TOML"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(old, new, named, tmp_path):
    with pytest.raises(UsageError, match=named) as caught:
        load(GOOD.replace(old, new), tmp_path)
    assert "stays.toml" in str(caught.value)


def test_a_file_saved_by_the_editor_of_windows_is_read(tmp_path):
    path = tmp_path / "stays.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_stay_rules(path).dwell_us[VENUE_TYPES.index("shop")] == 30 * MINUTE_US


def test_a_missing_file_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_stay_rules(tmp_path / "no.toml")


def test_a_file_that_is_not_utf_8_is_wrong_usage(tmp_path):
    (tmp_path / "stays.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_stay_rules(tmp_path / "stays.toml")
