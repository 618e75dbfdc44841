"""No raw identifier in any byte that is written outside the inputs, whatever is run and however it ends."""

import base64
import gzip
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.privacy.key_folders import load_authority
from pipelines.privacy.vault import unseal
from tests.end_to_end.commands import Done, rows_of, truyvet
from tests.end_to_end.test_interruptions import Zygote
from tests.end_to_end.worlds import lines_of, write_records

NOW = "2021-08-01T00:00:00Z"
PERSONS = {
    "phone:0905 987 654": "phone:+84905987654",
    "passport:b77q 5512x": "passport:B77Q5512X",
    "bhyt:GD4519999777123": "bhyt:9999777123",
    "cmnd:212777555": "cmnd:212777555",
    "cccd:051099777111": "cccd:051099777111",
    "qid:Bí Mật": "qid:Bí Mật",
    "device:Dấu-Vết-1": "device:Dấu-Vết-1",
}
CARD = "051088777222|212777444|Lê Thị Bí Ẩn|23011988|Nữ|Thôn Kín Đáo|17052021"
CASE = "phone:0905222333"
REFUSED = {
    "event_id": "ev-xấu",
    "person": "device:Kẻ-Xấu",
    "venue": "Điểm-Xấu",
    "zone": "khu-xấu",
    "scanner": "máy-xấu",
    "code": "QR-XẤU-RIÊNG",
    "note": "ghi-chú-xấu",
}
SECRETS = (
    *("905987654", "905 987 654", "77Q5512X", "77q 5512x", "9999777123", "051099777111", "Bí Mật"),
    *("212777555", "051088777222", "212777444", "Bí Ẩn", "23011988", "Kín Đáo"),
    *("Dấu-Vết", "905222333", "ev-riêng", "máy-riêng", "ghi-chú-riêng", "905000999", "nhà-xấu", "email:lan"),
    *(value.removeprefix("device:") for name, value in REFUSED.items() if name != "zone"),
)
"""Parts of identifiers and of other values that no reader of the lake needs."""


def good_records() -> list[dict[str, str]]:
    fields = {"venue": "V1", "zone": "T1", "scanner": "máy-riêng", "note": "ghi-chú-riêng"}
    return [
        {
            **fields,
            "event_id": f"ev-riêng-{number}",
            "person": person,
            "occurred_at": f"2021-07-20T08:0{number}:00Z",
        }
        for number, person in enumerate(PERSONS)
    ] + [{**fields, "person_code": CARD, "occurred_at": "2021-07-20T08:30:00Z"}]


def bad_records() -> list[dict[str, Any]]:
    """Return a record for each reason, every field of which is secret."""
    at = {"occurred_at": "2021-07-20T09:00:00Z"}
    whole = {name: value for name, value in REFUSED.items() if name != "code"} | at
    return [
        whole | {"direction": "hướng-xấu"},
        whole | {"note": "ghi-chú-xấu" * 2_000},
        whole | {"zone": "khu-xấu\x00"},
        whole | {"person": None},
        whole | {"person": "phone:0905*000999"},
        whole | {"person": "email:lan@example.vn"},
        whole | {"occurred_at": "khu-xấu"},
        whole | {"code": REFUSED["code"]},
        # A conflict is found after the scans are parsed, and until then its venue may be written down.
        whole | {"event_id": "ev-riêng-0", "scanner": "máy-riêng", "venue": "V2"},
        whole | {"person_code": CARD.replace("|", "/")},
        whole | {"person": "cccd:051088777223", "person_code": CARD},
        whole | {"occurred_at": "2021-01-01T00:00:00Z"},
        whole | {"occurred_at": "2031-01-01T00:00:00Z"},
    ]


def world(folder: Path) -> Path:
    """Return the folder of all that was made of inputs of every kind, failing and killed runs included."""
    inputs, out = folder / "in", folder / "out"
    out.mkdir()
    said = list(_everything(inputs, out))
    out.joinpath("said.txt").write_text("\n".join(f"{done.out}\n{done.err}" for done in said))
    assert {done.code for done in said} == {-9, 0, 2, 3, 5}
    return out


def _everything(inputs: Path, out: Path) -> Iterator[Done]:
    lake = out / "lake"
    good = write_records(inputs / "good.ndjson", good_records())
    bad = inputs / "z-bad.ndjson"
    bad.write_bytes(lines_of(bad_records()) + "Kẻ-Xấu: không phải JSON\n".encode())
    for form in ("csv", "parquet", "avro.gz"):
        write_records(inputs / f"forms/a.{form}", good_records())
    write_records(inputs / "forms/b.csv", [{**REFUSED, "occurred_at": "khu-xấu"}])
    (inputs / "venues.csv").write_text("venue,type,name\nV1,shop,Chợ\nV2,nhà-xấu,nhà-xấu\n")
    (inputs / "cases.csv").write_text(
        f"case_id,person,onset_at\nC1,{CASE},2021-07-20\nC2,phone:0905000999999,2021-07-20\n"
        "C3,passport:b77q5512x,2021-07-20\n"
    )
    others = ("--venues", inputs / "venues.csv", "--cases", inputs / "cases.csv")

    def run(*words: object) -> Done:
        return truyvet("run", "--lake", lake, "--now", NOW, *words)

    zygote = Zygote(inputs)
    for commit in (4, 5):  # killed before the commit of the scans, and before that of the stays
        zygote.start(
            "run", "--lake", lake, "--now", NOW, "--scans", good, bad, *others, commit=commit, when="before"
        )
        yield zygote.wait()
    zygote.close()
    yield run("--scans", good, bad, *others, "--rejects", out / "rejects.csv")
    yield run("--scans", inputs / "forms", "--rejects", out / "rejects.json")
    yield from _failing(inputs, run)
    for person in PERSONS:
        yield truyvet("overlaps", "--lake", lake, "--person", person)
        yield truyvet("token", "--lake", lake, person)
    yield truyvet("overlaps", "--lake", lake, "--person", "phone:0905*000999")
    yield truyvet(
        "overlaps", "--lake", lake, "--case", "C1", "--output", out / "overlaps.csv", "--format", "csv"
    )
    yield truyvet("milestones", "--lake", lake, "--case", "C1", "--format", "json")
    yield truyvet("compact", "--lake", lake)
    yield truyvet("recompute", "--lake", lake)
    yield truyvet("verify", "--lake", lake)


def _failing(inputs: Path, run: Any) -> Iterator[Done]:
    whole = lines_of(good_records() * 50)
    for name, content in {
        "cut.ndjson.gz": gzip.compress(whole)[:-20],
        "none.csv": "Kẻ-Xấu,khu-xấu\n1,2\n".encode(),
        "twice.csv": "person,person,venue,occurred_at\nKẻ-Xấu,1,2,3\n".encode(),
        "a.parquet": whole,
        "a.unknown": "Kẻ-Xấu\n".encode(),
    }.items():
        (inputs / name).write_bytes(content)
        yield run("--scans", inputs / name)
    yield run("--scans", inputs / "good.ndjson", "--keys", inputs / "no keys")
    yield run("--scans", inputs / "good.ndjson", "--now", "Kẻ-Xấu")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def texts_in(path: Path) -> Iterator[bytes]:
    """Yield the name and the bytes of a file, and what is written compressed in it."""
    yield str(path).encode()
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield repr(pq.ParquetFile(path).read().to_pylist()).encode()
        for column in pq.ParquetFile(path).read().columns:
            yield from (value for value in column.to_pylist() if isinstance(value, bytes))


def forms_of(secret: str) -> list[bytes]:
    """Return how a value might be written."""
    texts = {secret, unicodedata.normalize("NFD", secret), secret.upper(), secret.lower()}
    raw = [text.encode(form) for text in texts for form in ("utf-8", "utf-16-le")]
    raw += [text.encode("ascii", "backslashreplace") for text in texts]
    return [*raw, *(text.hex().encode() for text in raw), *(base64.b64encode(text)[2:-4] for text in raw)]


def pattern_of(secrets: Iterable[str]) -> re.Pattern[bytes]:
    forms = sorted({form for secret in secrets for form in forms_of(secret) if len(form) > 5})
    return re.compile(b"|".join(map(re.escape, forms)))


def has_no_raw_identifier(world: Path) -> None:
    """Assert that no raw identifier is left; scratch of a killed run may name zones, as the lake does."""
    everywhere = pattern_of(SECRETS)
    of_the_lake = pattern_of([REFUSED["zone"]])
    found = []
    for path in files_in(world):
        patterns = [everywhere] if "_scratch" in path.parts else [everywhere, of_the_lake]
        matches = [pattern.search(text) for text in texts_in(path) for pattern in patterns]
        found += [(path, match[0].decode(errors="replace")) for match in matches if match]
    assert found == []
    assert len(files_in(world)) > 40
    assert any("_scratch" in path.parts for path in files_in(world))


def has_what_may_be_there(world: Path) -> None:
    """Assert that the code of a place and the zone of an accepted scan are kept as they are."""
    texts = [text for path in files_in(world / "lake") for text in texts_in(path)]
    for kept in ("T1", "V1", "Chợ", "C1"):
        assert any(kept.encode() in text for text in texts), kept


def has_no_hash_without_the_key(world: Path) -> None:
    names = [
        *PERSONS,
        *PERSONS.values(),
        CARD,
        "cccd:051088777222",
        CASE,
        "máy-riêng",
        *(f"ev-riêng-{number}" for number in range(6)),
    ]
    hashed = [hashlib.sha256(name.encode()).digest() for name in names]
    numbers = {
        int.from_bytes(digest[:8], order, signed=True) for digest in hashed for order in ("big", "little")
    }
    for path in files_in(world / "lake"):
        if path.suffix == ".parquet":
            for column in pq.ParquetFile(path).read().columns:
                if pa.types.is_int64(column.type):
                    assert numbers.isdisjoint(column.to_pylist()), path
        assert not any(digest[:16] in text for digest in hashed for text in texts_in(path))


def is_its_owners_alone(world: Path) -> None:
    for root in (world / "lake", world / "lake.keys"):
        for path in (root, *root.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path


def has_everybody_sealed(world: Path) -> None:
    rows = rows_of(world / "lake", "vault")
    sealed = pa.Table.from_pylist(rows)
    authority = load_authority(world / "lake.keys/authority.key")
    identifiers = unseal(authority, sealed)
    assert set(identifiers) >= {*PERSONS.values(), "cccd:051088777222", "phone:+84905222333"}
    assert len(identifiers) == len(set(identifiers))
    kept = {row["person"] for table in ("scans", "cases", "stays") for row in rows_of(world / "lake", table)}
    assert kept <= {row["person"] for row in rows}
    assert os.listdir(world / "lake.keys") != []


def test_nothing_that_was_written_outside_of_the_inputs_names_anybody(folder):
    made = world(folder)
    has_no_raw_identifier(made)
    has_what_may_be_there(made)
    has_no_hash_without_the_key(made)
    is_its_owners_alone(made)
    has_everybody_sealed(made)
