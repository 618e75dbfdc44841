"""Codes: own codes verified per second against OpenSSL, ingest with and without codes, posters drawn."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.measure import report, run, truyvet
from pipelines.codes import own
from pipelines.codes.decoder import decode
from pipelines.codes.poster import Poster
from pipelines.codes.poster_files import write_pdf
from pipelines.privacy.code_keys import FOLDER, CodeKeys, OwnKey, key_number
from pipelines.privacy.keys import create_keys

_CODES = 20_000
_PLACES = 1_000
_SCANS = 1_000_000
_POSTERS = 500
_ROUNDS = 5


def measure(work: Path, _scans: int) -> None:
    """Measure processor seconds; for decoding and drawing the best of a few rounds on one thread."""
    private = Ed25519PrivateKey.from_private_bytes(b"b" * 32)
    public = private.public_key().public_bytes_raw()
    keys = CodeKeys(own=(OwnKey(key_number(public), public),))
    codes = [
        own.make_code(own.CodeContent(f"QN522-{place:07}", "T2", "in"), private) for place in range(_CODES)
    ]
    ours = _CODES / _best(lambda: _decode_all(codes, keys))
    faster = own.ed_verify
    own.ed_verify = _by_openssl
    openssl = _CODES / _best(lambda: _decode_all(codes, keys))
    own.ed_verify = faster
    seconds = _ingest(work, codes[:_PLACES], public)
    posters = [Poster(code, f"QN522-{place:07}", "Chợ Thu Lộ") for place, code in enumerate(codes[:_POSTERS])]
    drawn = _best(lambda: write_pdf(posters, io.BytesIO())) / _POSTERS
    report(
        "codes",
        [
            {"what": "own codes a second, ed25519-zebra", "figure": ours},
            {"what": "own codes a second, OpenSSL", "figure": openssl, "ratio": ours / openssl},
            {"what": "a million scans by venue, seconds", "figure": seconds["venue"]},
            {
                "what": "a million scans by code, seconds",
                "figure": seconds["code"],
                "ratio": seconds["code"] / seconds["venue"],
            },
            {"what": "10,000 posters, seconds", "figure": drawn * 10_000},
        ],
    )


def _best(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of a few rounds."""
    seconds = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _decode_all(codes: list[str], keys: CodeKeys) -> None:
    for code in codes:
        assert decode(code, keys).authenticity == "signed_valid"


def _by_openssl(signature: bytes, signed: bytes, public: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _ingest(work: Path, codes: list[str], public: bytes) -> dict[str, float]:
    """Processor seconds of a whole run into a new lake, by the field that names the venue."""
    seconds = {}
    for field, texts in (("venue", [f"QN522-{place:07}" for place in range(len(codes))]), ("code", codes)):
        scans, lake = work / f"scans-by-{field}.ndjson", work / f"lake-by-{field}"
        scans.write_bytes(b"\n".join(_lines(field, texts)) + b"\n")
        folder = Path(f"{lake}.keys")
        create_keys(folder)
        (folder / FOLDER).mkdir()
        (folder / FOLDER / f"{key_number(public):04x}.pub").write_bytes(
            Ed25519PublicKey.from_public_bytes(public).public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
        )
        cost = run(truyvet("run", "--lake", lake, "--scans", scans, "--now", "2021-07-02T00:00:00Z"))
        assert cost.last_line()["accepted"] == _SCANS
        seconds[field] = cost.user_seconds
    return seconds


def _lines(field: str, texts: list[str]) -> Iterator[bytes]:
    place = np.random.default_rng(1).integers(len(texts), size=_SCANS)
    person = np.random.default_rng(2).integers(10**6, size=_SCANS)
    for row in range(_SCANS):
        yield orjson.dumps(
            {
                "event_id": f"{row:016x}",
                "person": f"phone:0905{person[row]:06}",
                field: texts[place[row]],
                "direction": "in",
                "occurred_at": f"2021-07-01T08:{row // 60 % 60:02}:{row % 60:02}+07:00",
                "scan_mode": "self",
            }
        )
