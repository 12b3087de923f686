"""What adapters cost besides arithmetic: gaps in running answers while one is read, the wait for one that is not in memory, and
memory.
"""

import json
import os
import pathlib
import re
import statistics
import threading
import time
import urllib.request

import measuring
import servers
import streams

REGISTERED, HOT, STREAMS = 1000, 64, 8
# The answers of the gap's measure: long enough that the adapter is read in their middle.
PROMPT, GENERATE = 32, 256
COLD_REQUESTS = 16
NAMES = {
    "longest gap, nothing added": "longest gap between tokens of 8 streams",
    "longest gap, one added": "the same while an adapter is added",
    "first token, in memory": "first token under an adapter in memory",
    "first token, not in memory": "first token under one that is not",
    "memory": f"memory of {HOT} adapters ÷ their files",
}


def thousand(options):
    """A folder of so many adapters, which are few files under many names."""
    folder = pathlib.Path(options.adapters) / "thousand"
    folder.mkdir(exist_ok=True)
    files = sorted(pathlib.Path(options.adapters).glob("*.gguf"))
    for number in range(REGISTERED):
        link = folder / f"n{number}.gguf"
        if not link.exists():
            os.link(files[number % len(files)], link)
    return folder


def metric(server, name):
    text = urllib.request.urlopen(f"http://{streams.HOST}:{server.port}/metrics", timeout=30).read().decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


def wait_until_registered(server, count):
    while metric(server, "hearth_adapters") < count:
        time.sleep(0.5)


def load(server, name, path):
    body = json.dumps({"lora_name": name, "lora_path": str(path)}).encode()
    url = f"http://{streams.HOST}:{server.port}/v1/load_lora_adapter"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).read()


def updating(options, *more):
    return servers.hearth(options, "--speculation", "off", "--adapter-updates", *more)


def gap(options, number, files, adds):
    """Seconds: the longest time between two pieces of one answer."""
    prompts = [servers.tokens(f"gap {number} {stream}", PROMPT) for stream in range(STREAMS)]
    with updating(options) as server:
        server.warm_up()
        load(server, "first", files[0])
        streams.run(server.port, [servers.body(servers.tokens(f"warm {n}", PROMPT), 32) for n in range(STREAMS)])
        begin = time.monotonic()
        streams.run(server.port, [servers.body(prompt, GENERATE // 4) for prompt in prompts])
        middle = 2 * (time.monotonic() - begin)
        if adds:
            timer = threading.Timer(middle, load, (server, "second", files[1]))
            timer.start()
        answers = streams.run(server.port, [servers.body(prompt, GENERATE) for prompt in prompts])
        if adds:
            timer.join()
    # The prompts are read before all have begun, and the last may go on alone.
    begin, end = max(answer.first for answer in answers), min(answer.last for answer in answers)
    return max(
        later - earlier for answer in answers for earlier, later in zip(answer.times, answer.times[1:])
        if earlier >= begin and later <= end
    )  # fmt: skip


def first_token(options, number, files, is_hot):
    """Seconds to the first token of a request under an adapter, the median of several."""
    budget = () if is_hot else ("--adapter-bytes", "1")
    with updating(options, *budget) as server:
        server.warm_up()
        load(server, "a", files[0])
        times = []
        for request in range(COLD_REQUESTS + 2):
            body = servers.body(servers.tokens(f"cold {number} {request}", PROMPT), 2) | {"model": "bench:a"}
            [answer] = streams.run(server.port, [body])
            times.append(answer.first - answer.sent)
    return statistics.median(times[2:])


def memory(options, files):
    """Anonymous memory that so many adapters take, by the bytes of their files."""
    with updating(options) as server:
        server.warm_up()
        load(server, "warm", files[0])
        before = resident(server)
        for number in range(HOT):
            load(server, f"h{number}", files[number % len(files)])
        grown = resident(server) - before
    return grown / sum(files[number % len(files)].stat().st_size for number in range(HOT))


def resident(server):
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) * 1024


def run(options, key, done, files):
    measures = {
        "longest gap, nothing added": lambda number: gap(options, number, files, adds=False),
        "longest gap, one added": lambda number: gap(options, number, files, adds=True),
        "first token, in memory": lambda number: first_token(options, number, files, is_hot=True),
        "first token, not in memory": lambda number: first_token(options, number, files, is_hot=False),
        "memory": lambda number: memory(options, files),
    }
    for number in range(options.rounds):
        for name, measure in measures.items():
            if (number, name) in done:
                continue
            busy = measuring.wait_for_idle(options.busy_limit, options.patience)
            row = {**key, "round": number, "engine": name, "busy": busy, "value": measure(number)}
            measuring.save(options.results, {**row, "load": os.getloadavg()[0]})


def print_table(key, rows):
    rows = [row for row in rows if row["engine"] in NAMES]
    if not rows:
        return
    print("coming, going and staying")
    print(measuring.heading(key, rows))
    print("| | median | lowest–highest |\n|---|---|---|")
    for name, measured in measuring.by_engine(rows).items():
        values = [row["value"] for row in measured.values()]
        form = (lambda value: f"{value:.2f}") if name == "memory" else (lambda value: f"{value * 1000:.1f} ms")
        print(f"| {NAMES[name]} | {form(statistics.median(values))} | {form(min(values))}–{form(max(values))} |")
