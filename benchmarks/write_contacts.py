"""Write all contacts of a day of a dense world, whatever their length: `--lake L --day N`."""

import argparse
import json

from benchmarks.dense_world import START_US
from pipelines.days import DAY_US
from pipelines.graph.contact_plan import Limits, Plan, by_venue
from pipelines.graph.materialising import carry_out
from pipelines.lake import open_lake, snapshot

_NO_CAP = 2**31 - 1


def main() -> None:
    """Carry out a plan made by hand, for a dense world has stays without scans, and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--day", type=int, required=True)
    args = parser.parse_args()
    lake = open_lake(args.lake)
    contacts, crowds = snapshot(lake, "contacts"), snapshot(lake, "crowds")
    dates = (START_US // DAY_US + args.day,)
    stays = by_venue(snapshot(lake, "stays"))
    plan = Plan(lake, Limits(0, _NO_CAP), dates, stays, (), contacts, crowds, marks={})
    print(json.dumps(carry_out(plan, "direct")))


if __name__ == "__main__":
    main()
