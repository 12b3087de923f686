"""What Hearth's server costs beside the bare engine: tokens a second through HTTP and of `hearth bench`, in pairs."""

import json
import os
import statistics
import subprocess
import sys
import time

import measuring
import servers
import streams

# Short prompts, so that all streams decode together for most of the time.
PROMPT, GENERATE = 32, 192


def bench_rate(options, count):
    """Tokens a second of `hearth bench`: the engine without HTTP."""
    command = [options.hearth, "bench", options.model, "--json", "--repetitions", "1", "--streams", str(count)]
    command += ["--threads", str(options.threads), "--prompt", str(PROMPT), "--generate", str(GENERATE)]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode != 0:
        sys.exit(f"hearth bench failed:\n{process.stderr.strip()}")
    return {"rate": json.loads(process.stdout.strip().splitlines()[-1])["decode"][0]}


def served_rate(options, count, number):
    """The same through HTTP, with the processor time of the server's other threads and of the client, as shares of that of
    the threads that compute: these say what the server costs even where other work disturbs the rates."""

    def bodies(name):
        prompts = [servers.tokens(f"{name} {number} {stream}", PROMPT) for stream in range(count)]
        return [servers.body(prompt, GENERATE) for prompt in prompts]

    with servers.hearth(options, "--speculation", "off") as server:
        streams.run(server.port, bodies("warm"))
        measured = bodies("measured")
        before, client = server.processor_seconds(), time.process_time()
        exchanged = streams.exchange(server.port, measured)
        client = time.process_time() - client
        computing, other = (after - start for after, start in zip(server.processor_seconds(), before))
    answers = [stream.answer() for stream in exchanged]
    return {"rate": rate(answers), "other": other / computing, "client": client / computing}


def rate(answers):
    """Tokens a second while all streams decode, as `hearth bench` counts them."""
    all_started, one_ended = max(answer.first for answer in answers), min(answer.last for answer in answers)
    decoded = sum(all_started < instant <= one_ended for answer in answers for instant in answer.times)
    return decoded / (one_ended - all_started)


def run(options, key, done):
    for number in range(options.rounds):
        for name in ("engine", "server"):
            if (number, name) in done:
                continue
            row = {**key, "round": number, "engine": name}
            row["busy"] = measuring.wait_for_idle(options.busy_limit, options.patience)
            count = key["streams"]
            row |= bench_rate(options, count) if name == "engine" else served_rate(options, count, number)
            measuring.save(options.results, {**row, "load": os.getloadavg()[0]})


def print_table(key, rows):
    print(f"decode of {key['streams']} streams after {PROMPT} tokens, {GENERATE} out, nothing guessed")
    print(measuring.heading(key, rows))
    engines = measuring.by_engine(rows)
    bare, served = engines.get("engine", {}), engines.get("server", {})
    pairs = [1 - served[number]["rate"] / bare[number]["rate"] for number in served if number in bare]
    if not pairs:
        return
    print("| streams | engine, tokens/s | server, tokens/s | cost (paired) | lowest–highest | its other threads | client |")
    print("|---|---|---|---|---|---|---|")
    rates = [statistics.median(row["rate"] for row in rows.values()) for rows in (bare, served)]
    shares = [statistics.median(row[name] for row in served.values()) for name in ("other", "client")]
    print(
        f"| {key['streams']} | {rates[0]:.1f} | {rates[1]:.1f} | {statistics.median(pairs):.1%} "
        f"| {min(pairs):.1%}–{max(pairs):.1%} | {shares[0]:.2%} | {shares[1]:.2%} |"
    )
