#!/usr/bin/env python3
"""Hearth's server beside llama.cpp's under a mix of retrieval requests: interleaved rounds, medians, paired ratios.

    serve_mix.py HEARTH MODEL.gguf --llama-server PROGRAM [--streams 16] [--rounds 3] [--threads 2]
    serve_mix.py HEARTH MODEL.gguf --overhead [--streams 1,16]
    serve_mix.py HEARTH MODEL.gguf --constrained [--streams 1,16]
    serve_mix.py HEARTH MODEL.gguf --adapters FOLDER
    serve_mix.py HEARTH MODEL.gguf --flood FOLDER
    serve_mix.py HEARTH MODEL.gguf --token-gap [--streams 1,4,8]

The mix: so many streams, all sent at once, each with a prefix that all share, a part of its own, and an answer of exactly
so many tokens. Every round starts every server anew, so that the prefix is in no cache (--warm sends it once before).
--overhead compares Hearth's server with `hearth bench`, which runs the same engine without HTTP; --constrained
compares answers that keep to a schema with free ones, --adapters answers under adapters with the base's, and says what they
take, --flood what one request waits behind fifty under another adapter, --token-gap how long running answers wait for their
next token while prompts are read. Results are appended to --results as they come; a run that was interrupted goes on where it
stopped. A round waits until the machine is idle.
"""

import argparse
import os
import pathlib
import signal
import statistics
import sys

import adapters
import constrained
import flood
import measuring
import overhead
import servers
import streams
import token_gap

FIELDS = ("output", "total", "requests", "first50", "first95", "gap50", "gap99", "cached")
COLUMNS = (
    "engine", "output tokens/s", "total tokens/s", "requests/s", "first token p50 / p95", "between tokens p50 / p99",
    "prompt tokens from the cache", "Hearth ÷ it: tokens/s, first token p95",
)  # fmt: skip


def engines(options, count):
    """The servers by name. The first is what the others are compared with."""
    size = options.prefix + options.own + options.generate
    context = (count + 1) * (size + 64)
    best = ["-np", count, "--kv-unified", "-fa", "on"]
    return {
        "Hearth": servers.hearth(options),
        "Hearth without guessing": servers.hearth(options, "--speculation", "off"),
        "llama-server": servers.llama(options, context, *best),
        "llama-server without repacking": servers.llama(options, context, *best, "--no-repack"),
        "llama-server as it comes": servers.llama(options, context),
    }


def figures(answers, generate):
    """What the answers of one round come to."""
    short = [answer.usage for answer in answers if answer.usage["completion_tokens"] != generate]
    if short:
        sys.exit(f"{len(short)} answers are not of {generate} tokens, the first of {short[0]}")
    seconds = max(answer.last for answer in answers) - min(answer.sent for answer in answers)
    first = [answer.first - answer.sent for answer in answers]
    gaps = [later - earlier for answer in answers for earlier, later in zip(answer.times, answer.times[1:])] or [0.0]
    output = sum(answer.usage["completion_tokens"] for answer in answers)
    cached = [(answer.usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0) for answer in answers]
    return {
        "output": output / seconds,
        "total": (output + sum(answer.usage["prompt_tokens"] for answer in answers)) / seconds,
        "requests": len(answers) / seconds,
        "first50": measuring.percentile(first, 0.5), "first95": measuring.percentile(first, 0.95),
        "gap50": measuring.percentile(gaps, 0.5), "gap99": measuring.percentile(gaps, 0.99),
        "cached": sum(cached),
    }  # fmt: skip


def measure_mix(server, options, count, number):
    """One round of the mix on a server that has just started."""
    prefix = servers.tokens(f"prefix {number}", options.prefix)
    owns = [servers.tokens(f"own {number} {stream}", options.own) for stream in range(count)]
    bodies = [servers.body(prefix + own, options.generate) for own in owns]
    with server:
        server.warm_up()
        if options.warm:
            streams.run(server.port, [servers.body(prefix, 1)])
        before = server.processor_seconds()
        answers = streams.run(server.port, bodies, options.gap)
        computing, other = (after - start for after, start in zip(server.processor_seconds(), before))
    return {**figures(answers, options.generate), "computing": computing, "other": other}


def run_mix(options, key, done):
    for number in range(options.rounds):
        for name, server in engines(options, key["streams"]).items():
            if name not in options.engines.split(",") or (number, name) in done:
                continue
            busy = measuring.wait_for_idle(options.busy_limit, options.patience)
            row = {**key, "round": number, "engine": name, "busy": busy}
            row |= {**measure_mix(server, options, key["streams"], number), "load": os.getloadavg()[0]}
            measuring.save(options.results, row)


def median_ratio(ours, theirs, name):
    pairs = [ours[number][name] / theirs[number][name] for number in theirs if number in ours and theirs[number][name]]
    return f"{statistics.median(pairs):.2f}" if pairs else "–"


def print_mix(key, rows):
    print(f"{key['streams']} streams at once, {key['prefix']} shared + {key['own']} own tokens, {key['generate']} out")
    print(measuring.heading(key, rows))
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    engines = measuring.by_engine(rows)
    for name, theirs in engines.items():
        middle = {field: statistics.median(row[field] for row in theirs.values()) for field in FIELDS}
        ours = engines.get("Hearth", {})
        ratios = f"{median_ratio(ours, theirs, 'output')}, {median_ratio(ours, theirs, 'first95')}"
        print(
            f"| {name} | {middle['output']:.1f} | {middle['total']:.0f} | {middle['requests']:.2f} "
            f"| {middle['first50']:.2f} / {middle['first95']:.2f} s | {middle['gap50'] * 1000:.0f} / "
            f"{middle['gap99'] * 1000:.0f} ms | {middle['cached']:.0f} | {ratios} |"
        )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("--llama-server", help="llama.cpp's server; without it only Hearth runs")
    parser.add_argument("--overhead", action="store_true", help="the server beside the engine alone")
    parser.add_argument("--constrained", action="store_true", help="answers that keep to a schema beside free ones")
    parser.add_argument("--adapters", help="folder of adapters, whose answers are timed beside the base's")
    parser.add_argument("--flood", help="folder of adapters, one of which is flooded while another is asked for")
    parser.add_argument("--token-gap", action="store_true", help="running answers beside prompts that are read")
    parser.add_argument("--read", default="2048,8064", help="tokens of the prompts read beside running answers")
    parser.add_argument("--streams", default="16", help="how many at once; several with commas")
    parser.add_argument("--prefix", type=int, default=2048, help="tokens that all prompts begin with")
    parser.add_argument("--own", type=int, default=256, help="tokens of each prompt after them")
    parser.add_argument("--generate", type=int, default=128, help="tokens of each answer")
    parser.add_argument("--gap", type=float, default=0, help="seconds between one stream's start and the next")
    parser.add_argument("--warm", action="store_true", help="send the prefix once before")
    parser.add_argument("--engines", help="some of those of the table, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", default="bench-serve.jsonl")
    measuring.add_idle_options(parser)
    options = parser.parse_args()
    if options.engines is None:
        options.engines = ",".join(engines(options, 1) if options.llama_server else ["Hearth", "Hearth without guessing"])
    return options


def main():
    # As an exception, so that the servers are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    options = parse()
    key = {"model": pathlib.Path(options.model).name, "threads": options.threads, "commit": measuring.commit()}
    for count in map(int, options.streams.split(",")):
        if options.adapters:
            sizes, measure, show = {"kind": "adapters", "streams": count}, adapters.run, adapters.print_table
        elif options.flood:
            sizes, measure, show = {"kind": "flood"}, flood.run, flood.print_table
        elif options.token_gap:
            sizes, measure, show = {"kind": "gap", "streams": count}, token_gap.run, token_gap.print_table
        elif options.constrained:
            sizes = {"kind": "constrained", "streams": count}
            measure, show = constrained.run, constrained.print_table
        elif options.overhead:
            measure, show, sizes = overhead.run, overhead.print_table, {"kind": "overhead", "streams": count}
        else:
            measure, show, sizes = run_mix, print_mix, {"kind": "mix", "streams": count}
            sizes |= {name: getattr(options, name) for name in ("prefix", "own", "generate", "gap", "warm")}
        done = {(row["round"], row["engine"]) for row in measuring.read_rows(options.results, {**key, **sizes})}
        try:
            measure(options, {**key, **sizes}, done)
        finally:
            if rows := measuring.read_rows(options.results, {**key, **sizes}):
                show({**key, **sizes}, rows)


if __name__ == "__main__":
    main()
