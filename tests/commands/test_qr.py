"""`truyvet qr` from the outside."""

import json

import pytest

from pipelines import cli
from pipelines.lake import open_lake
from pipelines.privacy.code_key_folders import make_key
from pipelines.privacy.keys import create_keys
from tests.codes.foreign_codes import NHS, nhs, nz
from tests.lakes import put_venues

PERSON = "001093029317|NGUYEN VAN MARKER|1987-01-18|0|162979388586171100|<1<00<0123232422"


@pytest.fixture
def keys(tmp_path):
    create_keys(tmp_path / "k")
    make_key(tmp_path / "k")
    return tmp_path / "k"


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    monkeypatch.delenv("TRUYVET_KEYS", raising=False)
    opened = open_lake(str(tmp_path / "lake"), tmp_path / "lake.keys", create=True)
    make_key(tmp_path / "lake.keys")
    put_venues(
        opened,
        """
        venue_code       | name          | type   | zone  | closed_at
        QNG-1            | Chợ Thu Lộ    | market | A1;A2 |
        QNG-2            | Bến xe        | market |       | 01 00:00
        QNG-3            |               | market |       |
        """,
    )
    return opened.url


def ran(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = cli.main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def rows(capsys, *words):
    code, out, err = ran(capsys, *words, "--format", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_code_is_made_and_decoded(keys, capsys):
    words = ("--zone", "T2", "--direction", "in", "--to", "2100-01-01T00:00:00Z", "--keys", keys)
    [made] = rows(capsys, "qr", "make", "QNG-1", *words)
    assert list(made) == ["venue", "zone", "direction", "valid_from", "valid_to", "key", "code"]
    [read] = rows(capsys, "qr", "decode", made["code"], "--keys", keys)
    assert list(read)[:7] == ["format", "authenticity", "reason", "venue", "name", "valid_from", "valid_to"]
    assert read["authenticity"] == "signed_valid"
    assert read["reason"] is None
    assert (read["venue"], read["zone"], read["direction"]) == ("QNG-1", "T2", "in")
    assert (read["valid_from"], read["valid_to"]) == (None, "2100-01-01T00:00:00Z")


def test_a_code_that_has_run_out_says_so_and_held_in_its_time(keys, capsys):
    [made] = rows(capsys, "qr", "make", "QNG-1", "--to", "2021-07-01T00:00:00Z", "--keys", keys)
    [now] = rows(capsys, "qr", "decode", made["code"], "--keys", keys)
    [then] = rows(capsys, "qr", "decode", made["code"], "--keys", keys, "--at", "2021-06-30T23:59:59Z")
    assert (now["reason"], now["authenticity"]) == ("expired", None)
    assert (then["reason"], then["authenticity"]) == (None, "signed_valid")


def test_codes_that_rotate_follow_one_another_and_overlap(keys, capsys):
    words = ("--rotate-minutes", "5", "--count", "3", "--from", "2021-07-01T00:00:00Z", "--keys", keys)
    made = rows(capsys, "qr", "make", "QNG-1", *words)
    assert [(row["valid_from"][11:16], row["valid_to"][11:16]) for row in made] == [
        ("00:00", "00:10"),
        ("00:05", "00:15"),
        ("00:10", "00:20"),
    ]
    assert len({row["code"] for row in made}) == 3


def test_without_keys_a_signed_code_is_of_an_unknown_key(keys, capsys):
    [made] = rows(capsys, "qr", "make", "QNG-1", "--keys", keys)
    [read] = rows(capsys, "qr", "decode", made["code"])
    assert (read["format"], read["reason"], read["venue"]) == ("truyvet_v1", "unknown_key", None)


def test_of_a_personal_code_nothing_is_shown_but_the_token(keys, capsys):
    _, out, err = ran(capsys, "qr", "decode", PERSON, "--keys", keys, "--format", "json")
    _, token, _ = ran(capsys, "token", "qid:162979388586171100", "--keys", keys)
    [row] = json.loads(out)
    assert row["person"] == token.strip()
    assert (row["venue"], row["name"]) == (None, None)
    for secret in ("MARKER", "162979388586171100", "001093029317", "0123232422", "1987"):
        assert secret not in out + err


def test_without_keys_a_personal_code_shows_nothing_at_all(capsys):
    [row] = rows(capsys, "qr", "decode", PERSON)
    assert [name for name, value in row.items() if value is not None] == ["format", "authenticity"]


def test_many_codes_come_from_standard_input(capsys, monkeypatch):
    class Given:
        buffer = __import__("io").BytesIO(f"{nz()}\n\nhello\n\xff\n".encode("latin-1", "replace"))

    monkeypatch.setattr("sys.stdin", Given)
    found = rows(capsys, "qr", "decode", "-")
    assert [row["reason"] for row in found] == [None, "unknown_format", "malformed"]


def test_a_key_that_is_trusted_from_then_on_verifies(keys, tmp_path, capsys):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    assert rows(capsys, "qr", "decode", nhs(), "--keys", keys)[0]["reason"] == "unknown_key"
    source = tmp_path / "nhs.pem"
    source.write_bytes(NHS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert ran(capsys, "qr", "keys", "trust", "nhs", "k1", source, "--keys", keys)[0] == 0
    [read] = rows(capsys, "qr", "decode", nhs(), "--keys", keys)
    assert (read["authenticity"], read["venue"], read["name"]) == ("signed_valid", "nhs:4WT59M5Y", "Office")


def test_keys_are_made_listed_and_revoked(tmp_path, capsys):
    folder = tmp_path / "new"
    code, first, _ = ran(capsys, "qr", "keys", "new", "--keys", folder)
    assert code == 0
    assert (folder / "token.key").exists()
    ran(capsys, "qr", "keys", "new", "--keys", folder)
    revoked = rows(
        capsys, "qr", "keys", "revoke", first.strip(), "--keys", folder, "--at", "2021-07-01T00:00:00Z"
    )
    states = {row["key"]: (row["state"], row["revoked_at"]) for row in revoked}
    assert states[first.strip()] == ("revoked", "2021-07-01T00:00:00Z")
    assert len(states) == 2


def test_keys_are_never_made_beside_a_lake_that_has_lost_its_own(lake, tmp_path, capsys):
    (tmp_path / "lake.keys").rename(tmp_path / "away")
    assert ran(capsys, "qr", "keys", "new", "--lake", lake)[0] == 5
    assert not (tmp_path / "lake.keys").exists()


def test_a_registry_is_printed_without_its_closed_venues(lake, tmp_path, capsys):
    code, out, err = ran(capsys, "qr", "print", "--all", "--lake", lake, "--output", tmp_path / "all.pdf")
    assert (code, out) == (0, "")
    assert err == "2 posters of 2 venues in 1 files\n"


def test_an_unknown_venue_is_named(lake, tmp_path, capsys):
    words = ("QNG-9", "QNG-1", "QNG-8", "--lake", lake, "--output", tmp_path / "all.pdf")
    code, _, err = ran(capsys, "qr", "print", *words)
    assert (code, "no venue of this lake is 'QNG-9', 'QNG-8'" in err) == (3, True)


def test_zones_and_directions_get_a_picture_each_which_is_read_back(lake, tmp_path, capsys):
    words = ("--zones", "--direction", "in", "out", "--lake", lake, "--output", tmp_path / "pictures")
    assert ran(capsys, "qr", "print", "QNG-1", *words)[0] == 0
    found = set()
    for path in sorted((tmp_path / "pictures").iterdir()):
        [read] = rows(capsys, "qr", "decode", path, "--lake", lake)
        assert read["authenticity"] == "signed_valid"
        found.add((read["venue"], read["zone"], read["direction"]))
    assert found == {("QNG-1", zone, way) for zone in (None, "A1", "A2") for way in ("in", "out")}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("print", "--all", "QNG-1", "--output", "a.pdf"), 2),
        (("print", "--output", "a.pdf"), 2),
        (("print", "QNG-1", "--output", "a.docx"), 2),
        (("print", "QNG-9", "--output", "a.pdf"), 3),
        (("print", "--all", "--output", "a.png"), 2),
        (("print", "QNG-1", "--output", "no/such/folder/a.png"), 4),
        (("make", "V" * 17), 2),
        (("make", "V", "--rotate-minutes", "0"), 2),
        (("keys", "revoke"), 2),
        (("keys", "revoke", "0000"), 3),
        (("keys", "trust", "nhs", "k1", "/no/such/file"), 3),
        (("keys", "new", "word"), 2),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(lake, words, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found, _, err = ran(capsys, "qr", *words, "--lake", lake)
    assert (found, err.count("\n")) == (code, 1)


def test_a_picture_without_a_code_and_keys_that_are_not_there_are_data_errors(tmp_path, capsys):
    from PIL import Image

    Image.new("L", (100, 100), 255).save(tmp_path / "empty.png")
    assert ran(capsys, "qr", "decode", tmp_path / "empty.png")[0] == 3
    assert ran(capsys, "qr", "decode", "x", "--keys", tmp_path / "nowhere")[0] == 3


def test_a_refused_code_is_an_answer_and_not_shown(capsys):
    code, out, err = ran(capsys, "qr", "decode", "MARKER-" * 700)
    assert (code, err) == (0, "")
    assert "too_large" in out
    assert "MARKER" not in out
