#!/usr/bin/env python3
"""Hearth beside llama.cpp in all its variants: interleaved rounds, medians and paired ratios as a Markdown table.

    compare.py HEARTH MODEL.gguf --peer-python PYTHON [--measures prefill-512,decode-0] [--rounds 5] [--threads 2]

Every measure goes round the engines, one at a time, while the others sleep. A peer loads its model once; Hearth starts
for each measure; both warm up before each. Results are appended to --results as they come; a run that was interrupted goes on where it stopped,
for the same file, threads and commit. A round waits until the machine is idle, up to --patience seconds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import measuring

HERE = pathlib.Path(__file__).parent
VARIANTS = {  # repacking, flash attention (-1: as it comes)
    "llama.cpp as it comes": (1, -1),
    "llama.cpp repacking off": (0, 1),
    "llama.cpp flash off": (1, 0),
}


class Hearth:
    def __init__(self, options):
        self.options = options

    def measure(self, measure):
        """One run of `hearth bench`."""
        kind, size = measure.split("-")
        prompt, generate = {"prefill": (size, "2"), "decode": (str(max(int(size), 1)), "32"), "batch": ("1", "32")}[kind]
        command = [self.options.hearth, "bench", self.options.model, "--json", "--repetitions", "1"]
        command += ["--threads", str(self.options.threads), "--prompt", prompt, "--generate", generate]
        command += ["--streams", size] if kind == "batch" else []
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode != 0:
            sys.exit(f"hearth failed on {measure}:\n{process.stderr.strip()}")
        return json.loads(process.stdout.strip().splitlines()[-1])["prefill" if kind == "prefill" else "decode"][0]


class Peer:
    def __init__(self, options, variant):
        script = HERE / "peer_llama_cpp.py"
        words = [options.peer_python, script, options.model, options.threads, *VARIANTS[variant]]
        self.variant = variant
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.variant} ended with status {self.process.wait()}")
        return json.loads(line)

    def measure(self, measure):
        print(measure, file=self.process.stdin, flush=True)
        return self.answer()["rate"]


def run(options, key, done):
    engines = {"Hearth": Hearth(options)} | {name: Peer(options, name) for name in options.peers.split(",")}
    with open(options.results, "a") as results:
        for measure in options.measures.split(","):
            for number in range(options.rounds):
                for name, engine in engines.items():
                    if (measure, number, name) in done:
                        continue
                    busy = measuring.wait_for_idle(options.busy_limit, options.patience)
                    row = {**key, "measure": measure, "round": number, "engine": name, "busy": busy}
                    row |= {"rate": engine.measure(measure), "load": os.getloadavg()[0]}
                    print(json.dumps(row), file=results, flush=True)


def print_table(rows, key):
    print(measuring.heading(key, rows))
    print("| measure | engine | median | lowest–highest | rounds | Hearth ÷ it (paired) |\n|---|---|---|---|---|---|")
    for measure in dict.fromkeys(row["measure"] for row in rows):
        rates = {}
        for row in rows:
            if row["measure"] == measure and row["rate"] is not None:
                rates.setdefault(row["engine"], {})[row["round"]] = row["rate"]
        ours = rates.get("Hearth", {})
        for name, theirs in rates.items():
            pairs = [ours[n] / theirs[n] for n in theirs if n in ours]
            ratio = f"{statistics.median(pairs):.2f}" if pairs else "not measured"
            spread = f"{min(theirs.values()):.1f}–{max(theirs.values()):.1f}"
            median = statistics.median(theirs.values())
            print(f"| {measure} | {name} | {median:.1f} | {spread} | {len(theirs)} | {ratio} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--measures", default="prefill-512,prefill-2048,decode-0,decode-4096,batch-8")
    parser.add_argument("--peers", default=",".join(VARIANTS), help="which of: " + ", ".join(VARIANTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", default="bench-peers.jsonl")
    measuring.add_idle_options(parser)
    options = parser.parse_args()
    key = {"model": pathlib.Path(options.model).name, "threads": options.threads, "commit": measuring.commit()}
    done = {(row["measure"], row["round"], row["engine"]) for row in measuring.read_rows(options.results, key)}
    try:
        run(options, key, done)
    finally:
        if rows := measuring.read_rows(options.results, key):
            print_table(rows, key)


if __name__ == "__main__":
    main()
