"""What all comparisons share: the wait for an idle machine, what a table says about it, results that outlive a run."""

import json
import math
import os
import pathlib
import subprocess
import sys
import time


def processor_ticks():
    """Ticks of all processors so far, and those of them in which they did nothing."""
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def busy_share(seconds=1.0):
    """The share of processor time that anything used within the next `seconds`."""
    total, idle = processor_ticks()
    time.sleep(seconds)
    later, later_idle = processor_ticks()
    return 1 - (later_idle - idle) / max(later - total, 1)


def wait_for_idle(limit, patience):
    """Returns the busy share once it is at most `limit`; ends the run after `patience` seconds."""
    deadline = time.monotonic() + patience
    while (busy := busy_share()) > limit:
        if time.monotonic() > deadline:
            sys.exit(f"The machine stayed {busy:.0%} busy for {patience:.0f} s. Try again when it is idle.")
    return busy


def add_idle_options(parser):
    parser.add_argument("--busy-limit", type=float, default=0.05, help="share of processor time others may use")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for an idle machine")


def commit():
    """The commit of the work tree this file is in."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, cwd=pathlib.Path(__file__).parent).stdout.strip()


def heading(key, rows):
    """Two lines over a table of `rows`: what was measured, where, and what else went on meanwhile."""
    processor = next(l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name"))
    loads = [row["load"] for row in rows]
    busiest = max(row["busy"] for row in rows)
    return (
        f"{key['model']}, {key['threads']} threads, {processor}, {os.cpu_count()} CPUs, commit {key['commit']}\n"
        f"load average {min(loads):.1f}–{max(loads):.1f}, up to {busiest:.0%} busy before a measure\n"
    )


def read_rows(path, key):
    """The results in the file at `path` that were measured under `key`."""
    path = pathlib.Path(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if all(row.get(name) == value for name, value in key.items())]


def save(path, row):
    """Appends a result to the file at `path`."""
    with open(path, "a") as results:
        print(json.dumps(row), file=results, flush=True)


def percentile(values, share):
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def by_engine(rows):
    """Rows by engine, then by round."""
    engines = {}
    for row in rows:
        engines.setdefault(row["engine"], {})[row["round"]] = row
    return engines
