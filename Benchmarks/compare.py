#!/usr/bin/env python3
"""Hearth beside llama.cpp: same file, same threads, one run, interleaved, medians.

    compare.py HEARTH MODEL.gguf [--threads 2] [--prompt 512] [--generate 64] [--rounds 5] [--peer-python PYTHON]

Each round runs both engines one after the other, each in a process of its own with one warm-up; the table shows medians
over the rounds and the median of the rounds' ratios. PYTHON is an interpreter that has llama-cpp-python built on this
machine (`make bench` makes one); without it only Hearth's own figures are printed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def hearth(options):
    command = [options.hearth, "bench", options.model, "--json", "--repetitions", "1"]
    command += ["--threads", options.threads, "--prompt", options.prompt, "--generate", options.generate]
    return run(command)


def peer(options):
    script = str(HERE / "peer_llama_cpp.py")
    return run([options.peer_python, script, options.model, options.threads, options.prompt, options.generate, 1])


def run(command):
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{process.stderr.strip()}")
    result = json.loads(process.stdout.strip().splitlines()[-1])
    return {kind: statistics.median(result[kind]) for kind in ("prefill", "decode")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-python")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{pathlib.Path(options.model).name}, {options.threads} threads, {options.rounds} rounds, load {load:.2f}")
    rounds = []
    for number in range(options.rounds):
        ours = hearth(options)
        theirs = peer(options) if options.peer_python else None
        rounds.append((ours, theirs))
        print(f"  round {number + 1} of {options.rounds} done", file=sys.stderr)
    print_table(options, rounds)


def print_table(options, rounds):
    print(f"\n| tokens/s (median) | Hearth | llama.cpp | ratio |\n|---|---|---|---|")
    for kind, label in (("prefill", f"prefill {options.prompt}"), ("decode", f"decode {options.generate}")):
        ours = [pair[0][kind] for pair in rounds]
        if not options.peer_python:
            print(f"| {label} | {statistics.median(ours):.0f} | not measured | |")
            continue
        theirs = [pair[1][kind] for pair in rounds]
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        print(f"| {label} | {statistics.median(ours):.0f} | {statistics.median(theirs):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
