"""Links drawn as text, for lakes of `tests.lakes`."""

import pyarrow as pa

from schemas.tables import LINKS
from tests.lakes import at, drawn, person_token, put


def put_links(lake, links):
    """Commit links: columns `a kind_a b kind_b`, and if drawn `seen_at source self`; self unless it is no."""
    rows = []
    for row in drawn(links) if isinstance(links, str) else links:
        ends = sorted((person_token(lake, row[side]), row[f"kind_{side}"]) for side in "ab")
        rows.append(
            {
                "event_id": None,
                "person_a": ends[0][0],
                "kind_a": ends[0][1],
                "person_b": ends[1][0],
                "kind_b": ends[1][1],
                "seen_at": at(row.get("seen_at") or "1 00:00"),
                "source": row.get("source") or "personal_qr",
                "self": row.get("self") != "no",
            }
        )
    return put(lake, "links", pa.Table.from_pylist(rows, schema=LINKS.file_schema), day_of="seen_at")
