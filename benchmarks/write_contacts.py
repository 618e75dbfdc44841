"""Write all contacts of a dense day, however short: `--lake L`."""

import argparse

from benchmarks.dense_day import DATE
from pipelines.graph.contact_table.materialise import carry_out
from pipelines.graph.contact_table.plan import USUAL, ContactPlan, Limits, by_venue
from pipelines.lake import open_lake, snapshot

_NO_CAP = 2**31 - 1


def main() -> None:
    """Run a plan made by hand, because the lake has stays without scans, and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True)
    args = parser.parse_args()
    lake = open_lake(args.lake)
    contacts, crowds = snapshot(lake, "contacts"), snapshot(lake, "crowds")
    stays = by_venue(snapshot(lake, "stays"))
    plan = ContactPlan(lake, Limits(0, _NO_CAP), (DATE,), stays, (), contacts, crowds, marks={}, sizes=USUAL)
    print(carry_out(plan, "direct").to_json().decode())


if __name__ == "__main__":
    main()
