import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines.codes.decoder import decode, valid_at
from pipelines.codes.own import CodeContent, make_code
from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.privacy.code_key_folders import list_keys, make_key, revoke_key, signing_key, trust_key
from pipelines.privacy.code_keys import NO_KEYS, load_code_keys, load_secret
from tests.codes.foreign_codes import NHS, clea, nhs


def made(folder):
    key_id, private = signing_key(folder)
    return key_id, make_code(CodeContent("QNG-0001"), private)


def test_without_a_folder_nobody_is_trusted_and_nothing_is_signed(tmp_path):
    assert load_code_keys(tmp_path) == NO_KEYS
    with pytest.raises(DataError, match="truyvet qr keys new"):
        signing_key(tmp_path)


def test_a_new_key_signs_and_is_private(tmp_path):
    key_id = make_key(tmp_path)
    assert made(tmp_path)[0] == key_id
    assert decode(made(tmp_path)[1], load_code_keys(tmp_path)).authenticity == "signed_valid"
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in (tmp_path / "codes").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(os.stat(tmp_path / "codes").st_mode) == 0o700


def test_a_rotated_key_no_longer_signs_and_its_posters_stay_valid(tmp_path):
    make_key(tmp_path, 1_000_000)
    old, text = made(tmp_path)
    new = make_key(tmp_path, 2_000_000)
    assert made(tmp_path)[0] == new
    assert decode(text, load_code_keys(tmp_path)).authenticity == "signed_valid"
    states = {row["key"]: row["state"] for row in list_keys(tmp_path).to_pylist()}
    assert states == {old: "retired", new: "signs"}


def test_of_two_keys_that_were_not_retired_the_newer_one_signs(tmp_path):
    for number in range(8):  # ids are drawn, so either may come first
        folder = tmp_path / str(number)
        folder.mkdir()
        old = make_key(folder, 1_000_000)
        state = (folder / "codes" / f"{old}.json").read_bytes()
        new = make_key(folder, 2_000_000)
        (folder / "codes" / f"{old}.json").write_bytes(state)  # as a kill leaves it
        assert signing_key(folder)[0] == new


def test_a_revoked_key_no_longer_signs_and_its_later_posters_are_refused(tmp_path):
    make_key(tmp_path)
    key_id, text = made(tmp_path)
    revoke_key(tmp_path, key_id, 5_000_000)
    decoded = decode(text, load_code_keys(tmp_path))
    assert [valid_at(decoded, at).reason for at in (4_999_999, 5_000_000)] == ["", "revoked_key"]
    with pytest.raises(DataError, match="no key signs codes"):
        signing_key(tmp_path)


def test_a_revocation_moves_back_in_time_and_never_forward(tmp_path):
    key_id = make_key(tmp_path)
    for at_us, expected in ((5_000_000, 5_000_000), (9_000_000, 5_000_000), (2_000_000, 2_000_000)):
        revoke_key(tmp_path, key_id, at_us)
        assert load_code_keys(tmp_path).own[0].revoked_us == expected


def test_keys_of_others_are_trusted_by_their_name(tmp_path):
    pem = NHS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "nhs.pem").write_bytes(pem)
    (tmp_path / "clea.hex").write_text(f"{777:064x}\n")
    trust_key(tmp_path, "nhs", "k1", tmp_path / "nhs.pem")
    trust_key(tmp_path, "clea", "fr", tmp_path / "clea.hex")
    keys = load_code_keys(tmp_path)
    assert decode(nhs(), keys).authenticity == "signed_valid"
    assert decode(clea(), keys).authenticity == "mac_valid"
    assert [(row["key"], row["issuer"]) for row in list_keys(tmp_path).to_pylist()] == [
        ("k1", "nhs"),
        ("fr", "clea"),
    ]
    assert "777" not in repr(keys)


def test_a_file_that_is_not_a_key_is_not_kept(tmp_path):
    source = tmp_path / "source"
    other = generate_private_key(SECP384R1()).public_key()
    for content in (b"", b"hello", other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)):
        source.write_bytes(content)
        with pytest.raises(DataError):
            trust_key(tmp_path, "nhs", "k1", source)
        with pytest.raises(DataError):
            trust_key(tmp_path, "clea", "fr", source)
    with pytest.raises(UsageError):
        trust_key(tmp_path, "nhs", "../k1", source)
    with pytest.raises(UsageError):
        trust_key(tmp_path, "nobody", "k1", source)
    assert not (tmp_path / "codes").exists()


@pytest.mark.parametrize("name", ["pub", "json", "key"])
def test_a_damaged_file_is_one_line_that_names_it(tmp_path, name):
    key_id = make_key(tmp_path)
    (tmp_path / "codes" / f"{key_id}.{name}").write_bytes(b"damaged")
    with pytest.raises(DataError, match=f"{key_id}.{name}"):
        signing_key(tmp_path)


def test_a_public_key_under_the_name_of_another_is_refused(tmp_path):
    one, other = make_key(tmp_path), make_key(tmp_path)
    os.replace(tmp_path / "codes" / f"{one}.pub", tmp_path / "codes" / f"{other}.pub")
    with pytest.raises(DataError, match="is not the key of its name"):
        load_code_keys(tmp_path)


@pytest.mark.parametrize(
    ("key_id", "error"), [("../..", UsageError), ("zzzz", UsageError), ("0000", DataError)]
)
def test_only_keys_that_are_there_can_be_revoked(tmp_path, key_id, error):
    make_key(tmp_path)
    with pytest.raises(error):
        revoke_key(tmp_path, key_id)


def test_a_secret_key_that_one_may_not_read_is_no_wrong_key(tmp_path, monkeypatch):
    path = tmp_path / "clea.hex"
    path.write_text("11" * 32)

    def denied(*_args):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(path), "read_text", denied)
    with pytest.raises(RefusedError, match=f"^permission denied: {path}: "):
        load_secret(path)
