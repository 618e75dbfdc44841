"""Codes of other issuers, made for tests."""

import base64
import hashlib
import hmac
import json
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    ECDSA,
    SECP256R1,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines.privacy.code_keys import CodeKeys

NHS = derive_private_key(12345, SECP256R1())
CLEA_SECRET = (777).to_bytes(32, "big")
KEYS = CodeKeys(
    nhs=(("k1", NHS.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),),
    clea=((778).to_bytes(32, "big"), CLEA_SECRET),
)


def b64(raw: bytes, *, url: bool = True, padding: bool = False) -> str:
    text = (base64.urlsafe_b64encode if url else base64.b64encode)(raw).decode()
    return text if padding else text.rstrip("=")


def nz(url: bool = False, padding: bool = False, raw: bytes | None = None, **said: object) -> str:
    fields = {"gln": "7000000243950", "ver": "c19:1", "typ": "entry", "opn": "Bình?>", "adr": "1 Rd"} | said
    body = raw if raw is not None else json.dumps({k: v for k, v in fields.items() if v is not None}).encode()
    return "NZCOVIDTRACER:" + b64(body, url=url, padding=padding)


@cache
def _signature(signed: bytes) -> bytes:
    r, s = decode_dss_signature(NHS.sign(signed, ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def nhs(header: dict[str, object] | None = None, version: str = "1", **said: object) -> str:
    head = {"alg": "ES256", "typ": "JWT", "kid": "k1"} | (header or {})
    body = {"id": "4WT59M5Y", "opn": "Office"} | said
    parts = [
        b64(json.dumps({k: v for k, v in part.items() if v is not None}).encode()) for part in (head, body)
    ]
    signed = ".".join(parts)
    return f"UKC19TRACING:{version}:{signed}.{b64(_signature(signed.encode()))}"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(*fields: tuple[int, int | bytes | str]) -> bytes:
    """Return a protobuf message of fields in the order given."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(raw)) + raw
    return out


def payload(
    *,
    description: str = "Friseur",
    address: str = "Berlin",
    times: tuple[tuple[int, int], ...] = (),
    kind: int = 5,
    minutes: int = 120,
    seed: bytes = bytes(16),
    versions: tuple[int, int, int] = (1, 1, 1),
    public: bytes = b"k" * 96,
) -> bytes:
    location = [(1, versions[1]), (2, description), (3, address), *times]
    notifier = message((1, 1), (2, public), (3, seed))
    vendor = message((1, versions[2]), (2, kind), (3, minutes))
    return message((1, versions[0]), (2, message(*location)), (3, notifier), (4, vendor))


def cwa(head: str = "https://e.coronawarn.app?v=1#", **said: object) -> str:
    return head + b64(payload(**said))


def crowd(head: str = "https://qr.notify-me.ch?v=3#", version: int = 3, **said: object) -> str:
    return head + b64(payload(versions=(version, version, 1), **said))


def clea(
    *,
    hours: int = 255,
    renewal: int = 31,
    period: int = 1_063_212,
    start: int = 3_827_564_186,
    contact: bool = False,
    flagged: bool | None = None,
    name: bytes | None = None,
    first: int = 0,
) -> str:
    """Return a code of a CLÉA place, sealed to CLEA_SECRET."""
    key = b"L" * 32
    name = hmac.digest(key, b"1", "sha256")[:16] if name is None else name
    flag = contact if flagged is None else flagged
    bits = flag << 94 | renewal << 77 | 3 << 72 | hours << 56 | period << 32 | start
    plain = bits.to_bytes(12, "big") + key + (b"c" * 65 if contact else b"")
    ephemeral = derive_private_key(4242, SECP256R1())
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    authority = derive_private_key(int.from_bytes(CLEA_SECRET, "big"), SECP256R1()).public_key()
    sealing = hashlib.sha256(point + ephemeral.exchange(ECDH(), authority) + bytes(4)).digest()
    header = bytes([first]) + name
    sealed = AESGCM(sealing).encrypt(bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFB"), plain, header)
    return "https://tac.gouv.fr?v=0#" + b64(header + sealed + point)


def guest(version: int = 3, checksum: bytes | None = None) -> bytes:
    body = bytes([version]) + bytes(range(95))
    return body + (hashlib.sha256(body).digest()[:4] if checksum is None else checksum)
