"""Rounds of the same work in several kinds, each beside the first of them in pairs."""

import math
import os
import random
import statistics

import measuring


def run(options, key, done, kinds, measure, rounds=None, rests=True):
    """Calls `measure(kind, round)`, which returns {"rate": …}, for every kind and round that is not done.

    Every round goes in an order of its own: who is always first, or always behind the same one, would meet the machine in a state
    of its own.

    Without `rests` the machine is looked at before a round, not before every measure: a rate is compared with those of its round,
    and on a machine whose clock moves the less lies between them the better.
    """
    for number in rounds or range(options.rounds):
        left = [kind for kind in random.Random(number).sample(list(kinds), len(kinds)) if (number, kind) not in done]
        for place, kind in enumerate(left):
            row = {**key, "round": number, "engine": kind}
            if rests or place == 0:
                busy = measuring.wait_for_idle(options.busy_limit, options.patience)
            row["busy"] = busy
            row |= measure(kind, number)
            measuring.save(options.results, {**row, "load": os.getloadavg()[0]})


def print_table(title, key, rows, first, unit="tokens/s"):
    """A line of each kind, with the median of its pairs and where the median of many more would lie with odds of two to one."""
    print(title)
    print(measuring.heading(key, rows))
    kinds = measuring.by_engine(rows)
    print(f"| | {unit} | of {first} (median of pairs) | its error | pairs | lowest–highest |\n|---|---|---|---|---|---|")
    for kind, measured in sorted(kinds.items(), key=lambda item: item[0] != first):
        base = kinds.get(first, {})
        pairs = sorted(measured[number]["rate"] / base[number]["rate"] for number in measured if number in base)
        middle = statistics.median(row["rate"] for row in measured.values())
        if pairs:
            low, high = median_interval(pairs)
            print(
                f"| {kind} | {middle:.1f} | {statistics.median(pairs):.1%} | {low:.1%}–{high:.1%} | {len(pairs)} "
                f"| {pairs[0]:.1%}–{pairs[-1]:.1%} |"
            )


def median_interval(values):
    """Where the median of what the sorted `values` were drawn from lies in two of three cases, whatever it is: as many of
    them lie below it as heads fall in so many throws of a coin.
    """
    away = math.sqrt(len(values)) / 2
    first = max(0, math.floor((len(values) - 1) / 2 - away))
    return values[first], values[-1 - first]
