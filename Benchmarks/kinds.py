"""Rounds of the same work in several kinds, each beside the first of them in pairs."""

import os
import statistics

import measuring


def run(options, key, done, kinds, measure, rounds=None):
    """Calls `measure(kind, round)`, which returns {"rate": …}, for every kind and round that is not done.

    Every second round goes the other way: who is always first, and who last, would meet the machine in a state of their own.
    """
    for number in rounds or range(options.rounds):
        for kind in list(kinds)[:: -1 if number % 2 else 1]:
            if (number, kind) in done:
                continue
            row = {**key, "round": number, "engine": kind}
            row["busy"] = measuring.wait_for_idle(options.busy_limit, options.patience)
            row |= measure(kind, number)
            measuring.save(options.results, {**row, "load": os.getloadavg()[0]})


def print_table(title, key, rows, first, unit="tokens/s"):
    print(title)
    print(measuring.heading(key, rows))
    kinds = measuring.by_engine(rows)
    print(f"| | {unit} | of {first} (paired) | lowest–highest |\n|---|---|---|---|")
    for kind, measured in kinds.items():
        base = kinds.get(first, {})
        pairs = [measured[number]["rate"] / base[number]["rate"] for number in measured if number in base]
        middle = statistics.median(row["rate"] for row in measured.values())
        if pairs:
            print(f"| {kind} | {middle:.1f} | {statistics.median(pairs):.1%} | {min(pairs):.1%}–{max(pairs):.1%} |")
