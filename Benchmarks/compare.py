#!/usr/bin/env python3
"""Hearth beside its peers: interleaved rounds, medians and paired ratios as a Markdown table.

    compare.py HEARTH MODEL.gguf --peer-python PYTHON [--measures prefill-512,prefill-32768:1] [--rounds 5] [--threads 2]

Measures are prefill-TOKENS, decode-DEPTH (one stream after DEPTH tokens) and batch-STREAMS; :ROUNDS after one is for costly
ones. Every measure goes round the engines, one at a time, while the others sleep. A peer loads its model once; Hearth
starts for each measure; both warm up before each. What an engine cannot load or measure stands in the table as not
measured, with the reason below it. Results are appended to --results as they come; a run that was interrupted goes on where
it stopped, for the same file, threads and commit. A round waits until the machine is idle, up to --patience seconds.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

import measuring

HERE = pathlib.Path(__file__).parent
PEERS = {  # script, further arguments; for llama.cpp repacking and flash attention (-1: as it comes)
    "llama.cpp as it comes": ("peer_llama_cpp.py", 1, -1),
    "llama.cpp repacking off": ("peer_llama_cpp.py", 0, 1),
    "llama.cpp flash off": ("peer_llama_cpp.py", 1, 0),
    "OpenVINO GenAI": ("peer_openvino.py",),
}


class Hearth:
    def __init__(self, options, *flags):
        self.options = options
        self.flags = flags

    def measure(self, measure):
        """One run of `hearth bench`: {"rate"} or {"error"}."""
        kind, size = measure.split("-")
        prompt, generate = {"prefill": (size, "2"), "decode": (str(max(int(size), 1)), "32"), "batch": ("1", "32")}[kind]
        command = [self.options.hearth, "bench", self.options.model, "--json", "--repetitions", "1"]
        command += ["--threads", str(self.options.threads), "--prompt", prompt, "--generate", generate]
        command += [*self.flags, *(["--streams", size] if kind == "batch" else [])]
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode != 0:
            return {"rate": None, "error": process.stderr.strip().splitlines()[-1]}
        line = process.stdout.strip().splitlines()[-1]
        return {"rate": json.loads(line)["prefill" if kind == "prefill" else "decode"][0]}


class Peer:
    """A resident engine. Once it has failed to start, or has ended, it answers every measure with why."""

    def __init__(self, options, name):
        script, *arguments = PEERS[name]
        python = options.openvino_python if script == "peer_openvino.py" else options.peer_python
        self.failure = None if python else "its Python environment is not there"
        if self.failure:
            return
        words = [python, HERE / script, options.model, options.threads, *arguments]
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.failure = self.answer().get("error")

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.failure = f"it ended with status {self.process.wait()}"
            return {"error": self.failure}
        return json.loads(line)

    def measure(self, measure):
        if self.failure:
            return {"rate": None, "error": self.failure}
        print(measure, file=self.process.stdin, flush=True)
        return {"rate": None, **self.answer()}


def run(options, key, done):
    engines = {"Hearth": Hearth(options), "Hearth, int8 cache": Hearth(options, "--cache-type", "int8")}
    if "F16" in pathlib.Path(options.model).name:
        engines["Hearth, 8-bit weights"] = Hearth(options, "--weight-type", "q8_0")
    engines |= {name: Peer(options, name) for name in options.peers.split(",")}
    with open(options.results, "a") as results:
        for words in options.measures.split(","):
            measure, _, rounds = words.partition(":")
            for number in range(int(rounds or options.rounds)):
                for name, engine in engines.items():
                    if (measure, number, name) in done:
                        continue
                    busy = measuring.wait_for_idle(options.busy_limit, options.patience)
                    row = {**key, "measure": measure, "round": number, "engine": name, "busy": busy}
                    row |= {**engine.measure(measure), "load": os.getloadavg()[0]}
                    print(json.dumps(row), file=results, flush=True)


def print_table(rows, key):
    print(measuring.heading(key, rows))
    print("| measure | engine | median | lowest–highest | rounds | Hearth ÷ it (paired) |\n|---|---|---|---|---|---|")
    reasons = {}
    for measure in dict.fromkeys(row["measure"] for row in rows):
        rates = {}
        for row in rows:
            if row["measure"] != measure:
                continue
            found, attempt = rates.setdefault(row["engine"], {}), (row["engine"], measure, row["round"])
            if row["rate"] is None:
                reasons[attempt] = row.get("error", "no reason was given")
            else:
                found[row["round"]] = row["rate"]
                reasons.pop(attempt, None)
        ours = rates.get("Hearth", {})
        for name, theirs in rates.items():
            if not theirs:
                print(f"| {measure} | {name} | not measured | | 0 | |")
                continue
            pairs = [ours[n] / theirs[n] for n in theirs if n in ours]
            ratio = f"{statistics.median(pairs):.2f}" if pairs else "not measured"
            spread = f"{min(theirs.values()):.1f}–{max(theirs.values()):.1f}"
            median = statistics.median(theirs.values())
            print(f"| {measure} | {name} | {median:.1f} | {spread} | {len(theirs)} | {ratio} |")
    for line in dict.fromkeys(f"{name}, {measure}: {reason}" for (name, measure, _), reason in reasons.items()):
        print(f"\n{line}")


def measures(words):
    """The argument of --measures; whoever gets one wrong learns what there is."""
    for word in words.split(","):
        if not re.fullmatch(r"(prefill|decode|batch)-[0-9]+(:[0-9]+)?", word):
            raise argparse.ArgumentTypeError(f"{word!r} is not prefill-TOKENS, decode-DEPTH or batch-STREAMS, with :ROUNDS or without")
    return words


def peers(names):
    """The argument of --peers."""
    for name in names.split(","):
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of: {', '.join(PEERS)}")
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("--peer-python", required=True, help="with llama-cpp-python")
    parser.add_argument("--openvino-python", default="", help="with openvino-genai; without it that peer is not measured")
    parser.add_argument("--measures", type=measures, default="prefill-512,prefill-2048,decode-0,decode-4096,batch-8")
    parser.add_argument("--peers", type=peers, default=",".join(PEERS), help="which of: " + ", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", default="bench-peers.jsonl")
    measuring.add_idle_options(parser)
    options = parser.parse_args()
    key = {"model": pathlib.Path(options.model).name, "threads": options.threads, "commit": measuring.commit()}
    rows = measuring.read_rows(options.results, key)
    done = {(row["measure"], row["round"], row["engine"]) for row in rows if row["rate"] is not None}
    try:
        run(options, key, done)
    finally:
        if rows := measuring.read_rows(options.results, key):
            print_table(rows, key)


if __name__ == "__main__":
    main()
