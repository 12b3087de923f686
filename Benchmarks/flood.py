"""How long a request under one adapter waits for fifty under another: alone, in fair turns, in the order of arrival.

The fifty come within a second, the one right after them, with a short prompt and a short answer.
"""

import pathlib
import statistics

import kinds
import measuring
import servers
import streams

FLOOD, GAP = 50, 0.02
# Tokens of prompt and answer, of the flood and of the one.
SIZES, OWN = (1024, 16), (32, 8)
KINDS = {"alone": "fair", "fair": "fair", "arrival": "arrival"}


def waits(options, kind, number):
    def body(adapter, index, sizes):
        prompt = servers.tokens(f"{adapter} {number} {index}", sizes[0])
        return servers.body(prompt, sizes[1]) | {"model": f"bench:{adapter}"}

    files = sorted(pathlib.Path(options.flood).glob("*.gguf"))[:2]
    arguments = [word for file in files for word in ("--adapter", f"{file.stem}={file}")]
    with servers.hearth(options, "--scheduling", KINDS[kind], *arguments) as server:
        streams.run(server.port, [body("a0", -1, OWN), body("a1", -1, OWN)])
        flood = [body("a0", index, SIZES) for index in range(0 if kind == "alone" else FLOOD)]
        *others, own = streams.run(server.port, [*flood, body("a1", 0, OWN)], GAP)
    row = {"wait": own.first - own.sent}
    if others:
        seconds = max(answer.last for answer in others) - others[0].sent
        row["rate"] = FLOOD * sum(SIZES) / seconds
        row["others"] = statistics.median(answer.first - answer.sent for answer in others)
    return row


def run(options, key, done):
    kinds.run(options, key, done, KINDS, lambda kind, number: waits(options, kind, number))


def print_table(key, rows):
    print(f"{FLOOD} requests of {SIZES[0]} + {SIZES[1]} tokens under one adapter, one of {OWN[0]} + {OWN[1]} under another")
    print(measuring.heading(key, rows))
    print("| | its first token | the flood's, median | the flood's tokens/s |\n|---|---|---|---|")
    for kind, measured in measuring.by_engine(rows).items():
        values = list(measured.values())
        middle = {name: statistics.median(row[name] for row in values) for name in values[0] if name in ("wait", "rate", "others")}
        others = f"{middle['others']:.2f} s | {middle['rate']:.0f}" if "rate" in middle else "– | –"
        print(f"| {kind} | {middle['wait']:.2f} s | {others} |")
