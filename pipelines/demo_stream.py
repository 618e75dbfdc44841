"""`make demo-stream`: a morning of scans streamed through the emulator, and the list of a case."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from pipelines.runtime.engines.java import free_port
from pipelines.simulate import simulate
from pipelines.streaming.broker import Subscription, Topic
from pipelines.streaming.emulator import Emulator, make_channel
from pipelines.terminal.compiling import announce_compiling
from pipelines.terminal.encoding import replace_unencodable
from pipelines.terminal.parser import Parser
from pipelines.terminal.quiet import silence_libraries
from pipelines.times import parse_instant

PEOPLE, VENUES, DAYS, SEED = 3_000, 120, 3, 2021
SPEED = 100
_MORNING_BEGINS_US = 17 * 3_600_000_000  # before the end of the last day: seven o'clock
_MORNING_US = 90 * 60_000_000
_STEP_SECONDS = 0.25
_PATIENCE_SECONDS = 120.0


def main() -> None:
    """Replace the folder of the demo and tell the story on standard output."""
    parser = Parser("python -m pipelines.demo_stream", __doc__ or "")
    parser.add_argument("--out", type=Path, default=Path("build/demo-stream"), help="folder; it is replaced")
    out: Path = parser.parse_args().out
    silence_libraries()
    replace_unencodable()
    announce_compiling()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _say("Starting the Pub/Sub emulator")
    emulator = Emulator(free_port())
    # Set for this process and for those that it starts.
    os.environ["PUBSUB_EMULATOR_HOST"] = emulator.host
    running: list[subprocess.Popen[bytes]] = []
    try:
        _story(out, running)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
        emulator.kill()


def _story(out: Path, running: "list[subprocess.Popen[bytes]]") -> None:
    province, lake = out / "province", out / "lake"
    _say(f"Simulating {DAYS} days in a province of {PEOPLE:,} people and {VENUES} venues")
    made = simulate(province, people=PEOPLE, venues=VENUES, days=DAYS, seed=SEED)
    before, morning = _divided(province, parse_instant(made["now"]), out)
    _say("Loading everything before the last morning from files")
    _run("run", "--lake", lake, "--scans", before, "--venues", province / "venues.csv", "--now", made["now"])
    scans, cases, lists = (make_channel(name) for name in ("scans", "cases", "lists"))
    # The scans are years old by the clock, and would be too old.
    far = ("--max-age-days", 36_000)
    running.append(_start("land", "--lake", lake, "--subscription", scans[1], *far))
    running.append(_start("watch", "--lake", lake, "--subscription", cases[1], "--topic", lists[0]))
    _say(f"Publishing the {len(morning):,} scans of the morning at {SPEED}× speed while land pulls them")
    begun = time.perf_counter()
    _play(Topic(scans[0]), morning)
    print(f"  published in {time.perf_counter() - begun:.1f} s")
    _wait_until_landed(lake)
    case = _first_case(province)
    _say(f"Reporting case {case['case_id']} on the topic of cases")
    begun = time.perf_counter()
    Topic(cases[0]).publish([(orjson.dumps(case), {})])
    answer = _receive(Subscription(lists[1]))
    print(
        f"  its list arrives on the other topic after {time.perf_counter() - begun:.2f} s: "
        f"{len(answer['added']):,} exposed, rule {answer['rule']}, lake version {answer['lake_version']}"
    )
    for row in answer["added"][:5]:
        print(f"  {row['tier']}  {row['person']}  {row['exposed_at']}  {row['venues']}")


def _divided(province: Path, now_us: int, out: Path) -> tuple[Path, list[tuple[int, bytes]]]:
    """Write the scans before the last morning to a file; return those of the morning with their times."""
    timed = []
    for path in sorted((province / "scans").glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            try:
                timed.append((parse_instant(orjson.loads(line)["occurred_at"]), line))
            except Exception:  # noqa: S112 - the province holds broken lines on purpose
                continue
    timed.sort()
    start = now_us - _MORNING_BEGINS_US
    stop = start + _MORNING_US
    before = out / "before.ndjson"
    before.write_bytes(b"\n".join(line for at, line in timed if at < start) + b"\n")
    return before, [(at, line) for at, line in timed if start <= at < stop]


def _play(topic: Topic, morning: list[tuple[int, bytes]]) -> None:
    """Publish each scan when its time comes, one per message."""
    first = morning[0][0]
    begun = time.perf_counter()
    sent = 0
    while sent < len(morning):
        # The clock of the story runs SPEED times faster than the wall's.
        clock_us = first + (time.perf_counter() - begun) * SPEED * 1e6
        upto = sent
        while upto < len(morning) and morning[upto][0] <= clock_us:
            upto += 1
        if upto > sent:
            topic.publish((line, {}) for _, line in morning[sent:upto])
            sent = upto
        time.sleep(_STEP_SECONDS)


def _wait_until_landed(lake: Path) -> None:
    """Wait until no segment is pending and none is added."""
    # Calm three times in a row: between two segments the folder is empty as well.
    begun = time.perf_counter()
    calm = 0
    while calm < 3 and time.perf_counter() - begun < _PATIENCE_SECONDS:
        calm = 0 if list(Path(f"{lake}.landing").glob("*.segment")) else calm + 1
        time.sleep(_STEP_SECONDS)
    print(f"  all {_rows(lake):,} scans are visible in the lake {time.perf_counter() - begun:.1f} s later")


def _rows(lake: Path) -> int:
    from pipelines.lake import open_lake, snapshot

    return sum(file.rows for file in snapshot(open_lake(str(lake)), "scans").files)


def _first_case(province: Path) -> dict[str, str]:
    import csv

    with (province / "cases.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    return {name: value for name, value in row.items() if value}


def _receive(subscription: Subscription) -> dict[str, Any]:
    # Monotonic: the wall clock may be set meanwhile.
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        for item in subscription.pull(10, 1.0):
            subscription.acknowledge([item.ack_id])
            found: dict[str, Any] = json.loads(item.message.data)
            return found
    raise SystemExit("no list arrived in time")


def _words(*words: object) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", *map(str, words)]


def _run(*words: object) -> None:
    subprocess.run(_words(*words), check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def _start(*words: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(_words(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def _say(what: str) -> None:
    print(f"\n▶ {what} …", flush=True)


if __name__ == "__main__":
    main()
