"""The README's table of runners: `python -m pipelines.runtime.engines.table` prints it."""

from pipelines.runtime.engines.config import RUNNERS, load_runner


def runner_table() -> str:
    """Return a Markdown table with a row for each shipped file, ending in a newline."""
    lines = ["| `--runner` | what it is | can | cannot | needs |", "|---|---|---|---|---|"]
    for name in RUNNERS:
        config = load_runner(name)
        cells = (f"`{name}`", config.title, "; ".join(config.can), "; ".join(config.cannot), config.needs)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(runner_table(), end="")
