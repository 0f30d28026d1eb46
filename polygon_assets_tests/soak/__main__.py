"""Run the soak, print what was seen, and write it into ``docs/reliability.md``.

Exits with 1 where something did not hold. The document is written only by a whole run in which everything held, of each
kind of store by itself.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from polygon_assets_tests.faults.scorecard import DOCUMENT, SOAK
from polygon_assets_tests.servers.seaweed import seaweed
from polygon_assets_tests.session import FOREIGN
from polygon_assets_tests.soak.endurance import Outcome, Plan, soak
from polygon_assets_tests.soak.measures import Holdings
from polygon_assets_tests.soak.readers import READERS
from polygon_assets_tests.stores import KINDS, STORE_PREFIX, Place

ABOUT = f"""\
{SOAK}

Written by `make soak`, on a machine of {{cores}} cores that did other work, too. Small days are brought in while each
tenth answer of the vendor's bucket is a fault, a tenth of the days is replaced, the sensor ticks on a Dagster instance,
{READERS} readers scan and check that they see whole days of one version only, years are rolled up, and whoever ingests
is killed with `kill -9`. Then the faults end; after one more run the store has to equal one that was made in the calm,
no file is left in the making, no process runs, and the long-lived processes hold what they held at the beginning.
"""
_SHOWN = 20


@contextmanager
def _place(kind: str, folder: Path) -> Iterator[Place]:
    if kind == "disk":
        yield Place(str(folder / "store"), folder / "tmp")
        return
    with seaweed() as server:
        server.client().create_bucket(Bucket="soak")
        yield Place(f"s3://soak/{STORE_PREFIX}", folder / "tmp", server)


def figures(outcome: Outcome, plan: Plan) -> dict[str, str]:
    """What was seen, in words that fit into a table."""

    def listed(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda each: -each[1]))

    faults = dict(outcome.faults)

    def held(form: str, *each: tuple[Holdings, Holdings]) -> str:
        return ", ".join(form.format(before, after) for before, after in each)

    platform = (outcome.before, outcome.after)
    readers = (outcome.readers_before, outcome.readers_after)
    return {
        "days, and replaced meanwhile": f"{plan.days:,}, {outcome.replaced:,}",
        "answers of the bucket": f"{faults.pop('answers', 0):,}",
        "faults among them": f"{sum(faults.values()):,}: {listed(faults)}",
        "ticks of the sensor": f"{outcome.ticks.total():,}: {listed(outcome.ticks)}",
        "runs of ingests": f"{outcome.runs.total():,}: {listed(outcome.runs)}",
        "kills sent": f"{outcome.kills:,}, every {plan.kill_every:g} s",
        "scans": f"{outcome.scans.total():,}: {listed(outcome.scans)}",
        "years made": f"{outcome.years:,}",
        "memory of platform and readers": held("{0.memory_mb:,.0f} → {1.memory_mb:,.0f} MB", platform, readers),
        "their threads": held("{0.threads} → {1.threads}", platform, readers),
        "their open files": held("{0.files} → {1.files}", platform, readers),
        "left in the making, still running": "nothing, nothing" if not outcome.wrong else "see below",
        "seconds": f"{outcome.seconds:,.0f}",
    }


def with_figures(document: str, kind: str, seen: Mapping[str, str]) -> str:
    """``document`` with what was ``seen`` over a store of one kind, in place of what stood there."""
    before, _, part = document.partition(SOAK)
    tables = {name: table for name in KINDS if (table := _table(part, name))}
    lines = [
        _heading(kind),
        "",
        "| what | seen |",
        "|---|---|",
        *(f"| {name} | {text} |" for name, text in seen.items()),
    ]
    tables[kind] = "\n".join(lines)
    ordered = [tables[name] for name in KINDS if name in tables]
    return "\n".join([before + ABOUT.format(cores=os.cpu_count()), "\n\n".join(ordered), ""])


def _heading(kind: str) -> str:
    return f"### A store on {'S3' if kind == 's3' else kind}"


def _table(part: str, kind: str) -> str:
    """What stands of a kind in the part of the document; empty where nothing does."""
    heading, rest = part.partition(_heading(kind))[1:]
    return (heading + rest.partition("\n### ")[0]).strip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--share", type=float, default=1.0, help="of the whole")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--kind", choices=KINDS, action="append", help="of the store; both unless given")
    chosen = parser.parse_args()
    for name in [name for name in os.environ if name.upper().startswith(FOREIGN)]:
        del os.environ[name]
    wrong: list[str] = []
    for kind in chosen.kind or KINDS:
        plan = Plan(seed=chosen.seed).scaled(chosen.share)
        with tempfile.TemporaryDirectory(prefix="soak-") as folder, _place(kind, Path(folder)) as place:
            outcome = soak(plan, place, Path(folder))
        seen = figures(outcome, plan)
        print(f"On {kind}, seed {plan.seed}:")  # noqa: T201 (the answer)
        print("\n".join(f"  {name}: {text}" for name, text in seen.items()))  # noqa: T201
        print("\n".join(f"  WRONG: {each}" for each in outcome.wrong[:_SHOWN]), flush=True)  # noqa: T201
        wrong += outcome.wrong
        if chosen.share == 1 and not outcome.wrong:
            before = DOCUMENT.read_text(encoding="utf-8")
            DOCUMENT.write_text(with_figures(before, kind, seen), encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
