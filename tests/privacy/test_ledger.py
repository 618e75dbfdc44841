import json
import multiprocessing
import os
import random
import tempfile

import pytest

from pipelines.errors import DataError, RefusedError
from pipelines.privacy.ledger import KEY, LINES, START, Asker, Head, Question, ledger_folder, record
from pipelines.privacy.ledger_check import check_ledger, entries
from tests.lake.test_read_only import without_rights

QUESTION = Question("trace", cases=["BN-1"], rule="who-2020-12", lake_version=4, arguments={"depth": 2})


@pytest.fixture
def lake(tmp_path):
    return str(tmp_path / "lake")


def folder_of(lake):
    return ledger_folder(lake)


def lines_of(lake):
    return (folder_of(lake) / LINES).read_bytes().splitlines(keepends=True)


def ask(lake, times=1):
    return [record(lake, QUESTION, Asker(actor="lan")) for _ in range(times)][-1]


def test_a_line_is_compact_json_with_sorted_keys(lake):
    record(lake, QUESTION, Asker(actor="Bác sĩ Lan", purpose="ổ dịch", role="tracer"))
    (line,) = lines_of(lake)
    entry = json.loads(line)
    assert (
        line == json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    )
    assert list(entry) == sorted(
        [
            "seq",
            "at",
            "actor",
            "role",
            "purpose",
            "command",
            "cases",
            "rule",
            "lake_version",
            "arguments",
            "previous",
            "mac",
        ]
    )
    assert (entry["seq"], entry["previous"], entry["actor"], entry["purpose"]) == (
        1,
        START,
        "Bác sĩ Lan",
        "ổ dịch",
    )
    assert entry["arguments"] == {"depth": 2}


def test_the_mac_is_of_the_line_without_it(lake):
    import hmac

    ask(lake)
    entry = json.loads(lines_of(lake)[0])
    mac = entry.pop("mac")
    key = bytes.fromhex((folder_of(lake) / KEY).read_text())
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert mac == hmac.digest(key, text, "sha256").hex()


def test_each_line_names_the_mac_of_the_one_before(lake):
    ask(lake, 3)
    found = entries(folder_of(lake))
    assert [entry["seq"] for entry in found] == [1, 2, 3]
    assert [entry["previous"] for entry in found] == [START, found[0]["mac"], found[1]["mac"]]


def test_actor_and_purpose_have_defaults(lake, monkeypatch):
    monkeypatch.setenv("TRUYVET_ROLE", "tracer")
    record(lake, QUESTION)
    (entry,) = entries(folder_of(lake))
    assert (entry["purpose"], entry["role"]) == ("unspecified", "tracer")
    assert entry["actor"]


def test_folder_and_files_are_private(lake):
    ask(lake)
    folder = folder_of(lake)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {LINES: 0o600, KEY: 0o600}


def test_a_lake_in_a_store_has_its_ledger_on_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert ledger_folder("s3://bucket/lake") == tmp_path / "truyvet" / "s3" / "bucket" / "lake.ledger"


def test_another_folder_can_be_named(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("TRUYVET_LEDGER", str(tmp_path / "by-variable"))
    ask(lake)
    record(lake, QUESTION, Asker(folder=str(tmp_path / "by-flag")))
    assert (tmp_path / "by-variable" / LINES).exists()
    assert (tmp_path / "by-flag" / LINES).exists()


def test_a_sound_ledger_has_no_flaw(lake):
    head = ask(lake, 5)
    assert check_ledger(folder_of(lake), [head, Head(3, entries(folder_of(lake))[2]["mac"])]) == (head, None)


def changed(lines, place, rng):
    entry = json.loads(lines[place])
    name = rng.choice([name for name in entry if name != "mac"])
    entry[name] = "x" if entry[name] != "x" else "y"
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return [*lines[:place], text.encode() + b"\n", *lines[place + 1 :]]


def flipped(lines, place, rng):
    line = bytearray(lines[place])
    at = rng.randrange(len(line) - 1)
    line[at] ^= 1 << rng.randrange(8)
    return [*lines[:place], bytes(line), *lines[place + 1 :]]


def dropped(lines, place, _rng):
    return [*lines[:place], *lines[place + 1 :]]


def swapped(lines, place, rng):
    other = rng.choice([at for at in range(len(lines)) if at != place])
    made = list(lines)
    made[place], made[other] = made[other], made[place]
    return made


def doubled(lines, place, _rng):
    return [*lines[: place + 1], lines[place], *lines[place + 1 :]]


def cut(lines, place, _rng):
    return lines[:place]


def torn(lines, place, rng):
    return [*lines[:place], lines[place][: rng.randrange(1, len(lines[place]))]]


TAMPERINGS = [changed, flipped, dropped, swapped, doubled, cut, torn]


def test_of_a_thousand_tamperings_all_are_found(lake, capsys):
    head = ask(lake, 12)
    lines = lines_of(lake)
    path = folder_of(lake) / LINES
    rng = random.Random(5)
    found = 0
    for number in range(1_000):
        tampered = TAMPERINGS[number % len(TAMPERINGS)](lines, rng.randrange(len(lines)), rng)
        path.write_bytes(b"".join(tampered))
        _, flaw = check_ledger(folder_of(lake), [head])
        found += flaw is not None
    with capsys.disabled():
        print(f"\nledger: {found:,} of 1,000 tamperings found", end=" ")
    assert found == 1_000


@pytest.mark.parametrize(
    ("tamper", "place", "line"), [(changed, 4, 5), (dropped, 4, 5), (doubled, 4, 6), (torn, 4, 5)]
)
def test_the_first_bad_line_is_named(lake, tamper, place, line):
    ask(lake, 8)
    (folder_of(lake) / LINES).write_bytes(b"".join(tamper(lines_of(lake), place, random.Random(1))))
    _, flaw = check_ledger(folder_of(lake))
    assert flaw.line == line
    assert str(flaw).startswith(f"line {line} ")


def test_a_tail_that_was_cut_off_is_missed_without_a_witness_and_found_with_one(lake):
    ask(lake, 4)
    head = ask(lake)
    path = folder_of(lake) / LINES
    path.write_bytes(b"".join(lines_of(lake)[:3]))
    assert check_ledger(folder_of(lake))[1] is None
    assert "cut off" in str(check_ledger(folder_of(lake), [head])[1])


def test_an_old_copy_that_was_continued_is_found_by_a_witness(lake):
    ask(lake, 3)
    old = b"".join(lines_of(lake))
    head = ask(lake, 2)
    (folder_of(lake) / LINES).write_bytes(old)
    record(lake, Question("trace"), Asker(actor="other"))
    record(lake, Question("trace"), Asker(actor="other"))
    assert "another" in str(check_ledger(folder_of(lake), [head])[1])


def test_a_line_that_a_crash_left_unfinished_is_taken_away_by_the_next(lake):
    ask(lake, 2)
    path = folder_of(lake) / LINES
    path.write_bytes(path.read_bytes() + b'{"actor":"x"')
    assert ask(lake).seq == 3
    assert check_ledger(folder_of(lake))[1] is None


def test_a_key_that_a_kill_left_unfinished_is_made_again(lake, monkeypatch):
    def killed(handle):
        os.ftruncate(handle, 3)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            ask(lake)
    head = ask(lake)
    assert check_ledger(folder_of(lake), [head]) == (head, None)
    assert {path.name for path in folder_of(lake).iterdir()} == {LINES, KEY}


def test_a_line_longer_than_a_block_is_read_back(lake):
    record(lake, Question("trace", cases=["BN-" + "9" * 200_000]))
    assert ask(lake).seq == 2
    assert check_ledger(folder_of(lake))[1] is None


def test_text_without_utf8_is_kept_as_an_escape(lake):
    record(lake, Question("trace", arguments={"output": "\udcff"}), Asker(actor="\udcff"))
    assert check_ledger(folder_of(lake))[1] is None


def ask_some(lake):
    for _ in range(10):
        record(lake, QUESTION)


def test_writers_at_once_make_one_chain(lake):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(ask_some, [lake] * 4)
    head, flaw = check_ledger(folder_of(lake))
    assert (head.seq, flaw) == (40, None)


def test_a_full_disk_refuses_the_question_and_leaves_the_lines(lake, monkeypatch):
    ask(lake, 2)

    def full(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.privacy.ledger.os.fsync", full)
        with pytest.raises(RefusedError, match="No space left") as told:
            ask(lake)
    assert told.value.exit_code == 5
    assert check_ledger(folder_of(lake))[0].seq == 2
    assert ask(lake).seq == 3


def test_a_ledger_without_its_key_is_not_continued(lake):
    ask(lake)
    (folder_of(lake) / KEY).unlink()
    with pytest.raises(RefusedError, match="has no key"):
        ask(lake)


def test_a_damaged_last_line_is_not_continued(lake):
    ask(lake, 2)
    path = folder_of(lake) / LINES
    path.write_bytes(path.read_bytes()[:-40] + b"\n")
    with pytest.raises(RefusedError, match="damaged"):
        ask(lake)


def test_a_missing_ledger_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no ledger"):
        check_ledger(tmp_path)


@pytest.fixture
def foreign(monkeypatch):
    """The lake of somebody else, whose folder anybody may enter, and a data folder of one's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.mkdir(f"{folder}/data")
        os.chmod(f"{folder}/data", 0o777)
        monkeypatch.setenv("XDG_DATA_HOME", f"{folder}/data")
        ask(f"{folder}/lake")
        yield f"{folder}/lake"


def test_an_account_that_may_not_write_beside_the_lake_has_a_ledger_of_its_own(foreign):
    with without_rights():
        assert ask(foreign).seq == 1
        assert ledger_folder(foreign).is_relative_to(os.environ["XDG_DATA_HOME"])
    assert check_ledger(ledger_folder(foreign))[0].seq == 1


def test_an_account_that_may_write_nowhere_gets_no_answer(foreign):
    os.chmod(os.environ["XDG_DATA_HOME"], 0o755)
    with without_rights(), pytest.raises(RefusedError, match=r"permission denied: /.*--ledger"):
        ask(foreign)


@pytest.mark.parametrize("name", [KEY, LINES])
def test_a_ledger_that_one_may_not_read_is_no_damage(foreign, name):
    folder = ledger_folder(foreign)
    os.chmod(folder, 0o755)
    for each in (KEY, LINES):
        os.chmod(folder / each, 0o000 if each == name else 0o644)
    with (
        without_rights(),
        pytest.raises(RefusedError, match=f"^permission denied: {folder / name}: ") as denied,
    ):
        check_ledger(folder)
    assert "backup" not in str(denied.value)


def test_a_ledger_whose_key_one_may_not_read_gets_no_line_and_is_no_damage(foreign):
    folder = ledger_folder(foreign)
    os.chmod(folder, 0o777)
    os.chmod(folder / LINES, 0o666)
    before = lines_of(foreign)
    with without_rights(), pytest.raises(RefusedError, match=f"permission denied: {folder / KEY}: "):
        record(foreign, QUESTION, Asker(actor="lan", folder=str(folder)))
    assert lines_of(foreign) == before
