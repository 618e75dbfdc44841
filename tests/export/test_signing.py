import datetime as dt
import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.export.manifest import ListedFile, Manifest, listed, manifest_from
from pipelines.export.signing import check_list, fingerprint, write_manifest, write_public
from pipelines.privacy.ledger import Head

NOW = dt.datetime(2021, 8, 8, tzinfo=dt.UTC)


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


def manifest_of(folder, key, **changes):
    manifest = Manifest(
        created="2021-08-08T00:00:00Z", tool_version="1", lake_version=3, rule="who-2020-12",
        rule_sha256="00",
        cases=["BN-1"], until="2021-08-08T00:00:00Z", depth=1, humans=False, zone="Asia/Ho_Chi_Minh",
        follow_up_days=None, expires="2021-08-22T00:00:00Z", tiers={"1": 1}, revealed=0, left_out={},
        files=[listed(path, None) for path in sorted(folder.iterdir())], ledger=Head(1, "ab"),
        key=fingerprint(key.public_key()),
    )  # fmt: skip
    return replace(manifest, **changes)


@pytest.fixture
def folder(tmp_path, key):
    made = tmp_path / "list"
    made.mkdir()
    (made / "list.csv").write_text("no,person\r\n1,p-00\r\n")
    write_public(made, key)
    write_manifest(made, manifest_of(made, key), key)
    return made


def test_a_sound_list_is_taken(folder, key):
    checked = check_list(folder, now=NOW)
    assert (checked.known_key, checked.key) == (False, fingerprint(key.public_key()))
    assert check_list(folder, key=folder / "public.pem", now=NOW).known_key
    assert check_list(folder, fingerprint_hex=checked.key.upper(), now=NOW).known_key


def test_a_manifest_reads_back(folder):
    content = (folder / "manifest.json").read_bytes()
    assert manifest_from(content).to_bytes() == content


def test_stock_openssl_verifies_the_signature(folder):
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    words = "openssl pkeyutl -verify -rawin -pubin -inkey public.pem -sigfile manifest.sig -in manifest.json"
    assert subprocess.run(words.split(), cwd=folder, capture_output=True, check=False).returncode == 0
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes() + b" ")
    assert subprocess.run(words.split(), cwd=folder, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "list.csv").write_text("other"), "was changed"),
        (lambda f: (f / "list.csv").write_text("no,person\r\n1,p-01\r\n"), "was changed"),
        (lambda f: (f / "list.csv").unlink(), "is missing"),
        (lambda f: (f / "more.csv").write_text("x"), "not listed"),
        (lambda f: (f / "manifest.json").write_text("{}"), "not what was signed"),
        (lambda f: (f / "manifest.sig").write_bytes(b"short"), "not what was signed"),
        (lambda f: (f / "manifest.sig").unlink(), "has no manifest.sig"),
        (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
        (lambda f: (f / "public.pem").write_text("nothing"), "Ed25519"),
    ],
)
def test_damage_is_found(folder, damage, said):
    damage(folder)
    with pytest.raises(DataError, match=said) as told:
        check_list(folder, now=NOW)
    assert told.value.exit_code == 3


def test_a_file_that_became_a_link_is_missing(folder, tmp_path):
    shutil.move(folder / "list.csv", tmp_path / "aside")
    (folder / "list.csv").symlink_to(tmp_path / "aside")
    with pytest.raises(DataError, match="is missing"):
        check_list(folder, now=NOW)


def test_every_flip_of_a_bit_in_a_list_is_found(folder):
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for at in range(0, len(content), 7):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
            with pytest.raises(DataError):
                check_list(folder, now=NOW)
        path.write_bytes(content)


def test_another_key_is_refused(folder):
    other = Ed25519PrivateKey.generate()
    with pytest.raises(RefusedError, match="another key") as told:
        check_list(folder, fingerprint_hex=fingerprint(other.public_key()), now=NOW)
    assert told.value.exit_code == 5


def test_a_list_signed_again_by_somebody_else_is_refused_where_the_key_is_known(folder, key):
    other = Ed25519PrivateKey.generate()
    (folder / "list.csv").write_text("forged")
    for name in ("manifest.json", "manifest.sig", "public.pem"):
        (folder / name).unlink()
    write_public(folder, other)
    write_manifest(folder, manifest_of(folder, other), other)
    assert not check_list(folder, now=NOW).known_key
    with pytest.raises(RefusedError):
        check_list(folder, fingerprint_hex=fingerprint(key.public_key()), now=NOW)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "", ".", "..", "manifest.json", "a\\b", "x\ny"]
)
def test_a_signed_name_with_a_path_is_not_followed(folder, key, name):
    files = [ListedFile(name, 1, "00", None)]
    write_manifest(folder, manifest_of(folder, key, files=files), key)
    with pytest.raises(DataError, match="a name that no list has"):
        check_list(folder, now=NOW)


@pytest.mark.parametrize(
    "change", [{"expires": "soon"}, {"expires": "2021-08-22T00:00:00"}, {"depth": "1"}, {"cases": "BN-1"}]
)
def test_a_signed_manifest_of_other_types_is_refused(folder, key, change):
    write_manifest(folder, manifest_of(folder, key, **change), key)
    with pytest.raises(DataError, match="is signed, but"):
        check_list(folder, now=NOW)


def test_a_signed_manifest_with_an_unknown_field_is_refused(folder, key):
    content = json.dumps(json.loads((folder / "manifest.json").read_bytes()) | {"new": 1}).encode()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(key.sign(content))
    with pytest.raises(DataError, match="is signed, but"):
        check_list(folder, now=NOW)


def test_an_expired_list_is_told(folder):
    late = dt.datetime(2021, 8, 22, tzinfo=dt.UTC)
    check_list(folder, now=late - dt.timedelta(seconds=1))
    with pytest.raises(DataError, match="has expired"):
        check_list(folder, now=late)
    assert check_list(folder, now=late, allow_expired=True)


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 63])
def test_a_fingerprint_must_be_one(folder, text):
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        check_list(folder, fingerprint_hex=text, now=NOW)
