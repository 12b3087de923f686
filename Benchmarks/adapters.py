"""What adapters cost beside the base: tokens a second of the same streams under none, one and eight of them, in pairs.

The adapters are eight random ones of all linear layers (random_adapters.py). "loaded" is the base alone beside adapters that
nobody asks for.
"""

import pathlib

import kinds
import overhead
import servers
import streams

COUNT = 8
# Short prompts, so that all streams decode together for most of the time; long ones for the speed of reading.
DECODE, PREFILL = (32, 128), (512, 1)
KINDS = {
    "base": lambda stream: "bench",
    "loaded": lambda stream: "bench",
    "one adapter": lambda stream: "bench:a0",
    "eight adapters": lambda stream: f"bench:a{stream % COUNT}",
}


def rate(options, work, sizes, kind, number):
    prompt, generate = sizes

    def bodies(name):
        prompts = [servers.tokens(f"{name} {number} {stream}", prompt) for stream in range(COUNT)]
        return [servers.body(text, generate) | {"model": KINDS[kind](stream)} for stream, text in enumerate(prompts)]

    files = sorted(pathlib.Path(options.adapters).glob("*.gguf"))[:COUNT] if kind != "base" else []
    arguments = [word for file in files for word in ("--adapter", f"{file.stem}={file}")]
    with servers.hearth(options, "--speculation", "off", *arguments) as server:
        streams.run(server.port, bodies("warm"))
        answers = streams.run(server.port, bodies("measured"))
    if work == "decode":
        return {"rate": overhead.rate(answers)}
    seconds = max(answer.last for answer in answers) - min(answer.sent for answer in answers)
    return {"rate": COUNT * prompt / seconds}


def run(options, key, done):
    for work, sizes in (("decode", DECODE), ("prefill", PREFILL)):
        names = {f"{work}, {kind}": kind for kind in KINDS}
        kinds.run(options, key, done, names, lambda name, number: rate(options, work, sizes, names[name], number))


def print_table(key, rows):
    for work, sizes in (("decode", DECODE), ("prefill", PREFILL)):
        title = f"{work} of {COUNT} streams, prompts of {sizes[0]}, {sizes[1]} out, nothing guessed"
        mine = [row for row in rows if row["engine"].startswith(work)]
        if mine:
            kinds.print_table(title, key, mine, f"{work}, base")
