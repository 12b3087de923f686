#!/usr/bin/env python3
"""Hearth with and without speculation: same file, two servers, requests taking turns, medians.

    speculation.py HEARTH MODEL.gguf [--speculation lookup] [--threads 2] [--rounds 5] [--generate 256]

Prints tokens a second after the first token for work that quotes (a passage repeated, a fact extracted from it, a
variable renamed) and for work in which nothing matches (stories at temperatures 1 and 2). Every answer is compared: one
that differs ends the run with an error. Run it on an idle machine, or do not quote it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.request

PASSAGE = """The lighthouse at Cape Orrin was built in 1873 by the engineer Hanna Lindqvist, who had studied in \
Gothenburg. It stands 41 metres above the sea and its lamp could be seen from a distance of 19 nautical miles. For sixty \
years the keepers climbed its 212 steps every evening to light the lamp, and every morning to put it out. In 1934 the \
lamp was replaced by an electric one, and the last keeper, Tomas Berg, moved to the village of Sund, where he wrote a \
book about the birds that he had counted from the gallery. The tower was opened to visitors in 1988, and since then some \
twelve thousand people have climbed it every summer."""

CODE = """def average(values):
    total = 0
    for value in values:
        total += value
    return total / len(values)


def variance(values):
    mean = average(values)
    total = 0
    for value in values:
        total += (value - mean) ** 2
    return total / len(values)
"""

# Name, question, temperature.
WORK = [
    ("repeat a passage", f"Repeat the following text word for word.\n\n{PASSAGE}", 0),
    ("extract sentences", f"{PASSAGE}\n\nCopy the two sentences of this text that tell what happened in 1934 and 1988.", 0),
    ("edit code", f"Rename the variable total to sum and print the whole code.\n\n```python\n{CODE}```", 0),
    ("story, temperature 1", "Write a long story about a fox who learns to sail.", 1),
    ("story, temperature 2", "Write a long story about a fox who learns to sail.", 2),
]  # fmt: skip


def start(options, speculation):
    command = [options.hearth, "serve", options.model, "--port", "0", "--threads", str(options.threads)]
    command += ["--speculation", speculation, "--alias", "measured", "--log-level", "error"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if " on http" in line:
            return process, line.split(" on ")[1].strip()
    sys.exit(f"{' '.join(command)} did not start")


def ask(origin, question, temperature, generate):
    """The answer's text and its tokens a second after the first."""
    body = {
        "model": "measured", "messages": [{"role": "user", "content": question}], "temperature": temperature,
        "seed": 7, "max_tokens": generate, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    request = urllib.request.Request(
        origin + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    text, first, last, count = "", None, None, 0
    with urllib.request.urlopen(request) as response:
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if event.get("usage"):
                count = event["usage"]["completion_tokens"]
            content = event["choices"][0]["delta"].get("content") if event["choices"] else None
            if content:
                last = time.perf_counter()
                first = first or last
                text += content
    if count < 2 or last == first:
        sys.exit(f"an answer of {count} tokens is too short to be measured: {text!r}")
    return text, (count - 1) / (last - first), count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("--speculation", default="lookup")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--generate", type=int, default=256)
    options = parser.parse_args()
    servers = [start(options, "off"), start(options, options.speculation)]
    try:
        print(f"{pathlib.Path(options.model).name}, {options.threads} threads, {options.rounds} rounds, "
              f"load {os.getloadavg()[0]:.2f}\n")  # fmt: skip
        print(f"| tokens/s (median) | tokens | off | {options.speculation} | ratio (range) |\n|---|---|---|---|---|")
        for name, question, temperature in WORK:
            measure(options, [origin for _, origin in servers], name, question, temperature)
    finally:
        for process, _ in servers:
            process.terminate()
            process.wait()


def measure(options, origins, name, question, temperature):
    rates = []
    # The first round warms up and is not counted.
    for number in range(options.rounds + 1):
        answers = [ask(origin, question, temperature, options.generate) for origin in origins]
        if answers[0][0] != answers[1][0]:
            sys.exit(f"{name}: the answers differ:\n{answers[0][0]!r}\n{answers[1][0]!r}")
        if number > 0:
            rates.append([rate for _, rate, _ in answers])
    off, on = (statistics.median(pair[index] for pair in rates) for index in (0, 1))
    ratios = [pair[1] / pair[0] for pair in rates]
    print(f"| {name} | {answers[0][2]} | {off:.0f} | {on:.0f} "
          f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
