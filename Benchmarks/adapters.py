"""What adapters cost: tokens a second of the same streams under none, one and eight of them, in pairs, beside llama.cpp's server
under the same files; then what coming, going and staying costs (adapter_life.py).

The adapters are eight random ones of all linear layers (random_adapters.py). Three servers live beside each other and are asked in
turns, new ones every round: one without any adapter, one with eight of them, one where a thousand are registered and 64 are in
memory. What adapters cost is compared within one server: two of the same binary may differ by some percent.
"""

import contextlib
import pathlib
import random

import adapter_life
import kinds
import overhead
import servers
import streams

COUNT = 8
# Short prompts, so that all streams decode together for most of the time; long ones for the speed of reading. Both are short, and
# asked for often: pairs that are seconds apart say more than longer ones that are half a minute apart.
WARM, DECODE, PREFILL = (16, 8), (16, 32), (512, 1)
WORK = {"decode": DECODE, "prefill": PREFILL}
# In turns, so many times a round.
TURNS = {"decode": 40, "prefill": 6}
# The adapter of each stream, by kind; kinds with the same server are asked in that one.
BASE, LOADED = "base", "base beside adapters"
KINDS = {
    BASE: lambda stream: None,
    LOADED: lambda stream: None,
    "one adapter": lambda stream: 0,
    "eight adapters": lambda stream: stream % COUNT,
    "eight of 1,000": lambda stream: stream % COUNT,
}
PEERS = {
    "llama-server, base": lambda stream: None,
    "llama-server, one adapter": lambda stream: 0,
    "llama-server, eight adapters": lambda stream: stream % COUNT,
}
TABLES = {
    "in one server": (LOADED, "one adapter", "eight adapters"),
    "in servers beside each other": (BASE, LOADED, "eight of 1,000"),
    "in servers of their own": tuple(PEERS),
}


def files(options):
    return sorted(pathlib.Path(options.adapters).glob("*.gguf"))[:COUNT]


def given(options, kind):
    """A server with the eight adapters, or without any for the base; and the field that asks it for adapter `number`."""
    named = files(options) if kind != BASE else []
    arguments = [word for number, file in enumerate(named) for word in ("--adapter", f"a{number}={file}")]
    return servers.hearth(options, "--speculation", "off", *arguments), lambda number: {"model": f"bench:a{number}"}


def thousand(options):
    """The same where a thousand are registered."""
    folder = adapter_life.thousand(options)
    size = files(options)[0].stat().st_size
    server = servers.hearth(
        options, "--speculation", "off", "--adapter-folder", folder, "--adapter-bytes", str(64 * size * 36 // 100)
    )  # fmt: skip
    return server, lambda number: {"model": f"bench:n{number}"}


def llama(options, kind, sizes):
    """llama.cpp's server with all adapters and none of them applied unless a request says so."""
    named = files(options) if kind != "llama-server, base" else []
    # Named one by one, only the last of them would count.
    arguments = ["--lora", ",".join(map(str, named)), "--lora-init-without-apply"] if named else []
    context = (COUNT + 1) * (sum(sizes) + 64)
    server = servers.llama(options, context, "-np", COUNT, "--kv-unified", "-fa", "on", *arguments)
    return server, lambda number: {"lora": [{"id": number, "scale": 1.0}]}


def requests(kind, field, sizes, name):
    """A request of each stream."""
    bodies = []
    for stream in range(COUNT):
        adapter = (KINDS | PEERS)[kind](stream)
        body = servers.body(servers.tokens(f"{name} {stream}", sizes[0]), sizes[1])
        bodies.append(body | (field(adapter) if adapter is not None else {}))
    return bodies


def rate(server, kind, field, sizes, name):
    answers = streams.run(server.port, requests(kind, field, sizes, name))
    if sizes == DECODE and kind != "llama-server, eight adapters":
        return {"rate": overhead.rate(answers)}
    # A server that takes one adapter after the other never has all streams running: all that it wrote, by all the time.
    seconds = max(answer.last for answer in answers) - min(answer.sent for answer in answers)
    return {"rate": COUNT * (sizes[1] if sizes == DECODE else sizes[0]) / seconds}


def rate_apart(options, sizes, kind, number):
    """In a server of its own."""
    server, field = llama(options, kind, sizes)
    with server:
        streams.run(server.port, requests(kind, field, sizes, f"warm {number}"))
        return rate(server, kind, field, sizes, f"measured {number}")


def run_in_turns(options, key, done, number):
    turns = {work: range(number * count, (number + 1) * count) for work, count in TURNS.items()}
    if all((turn, f"{work}, {kind}") in done for work in WORK for turn in turns[work] for kind in KINDS):
        return
    with contextlib.ExitStack() as stack:
        base, loaded, many = given(options, BASE), given(options, LOADED), thousand(options)
        # Where its memory lies makes one server faster than another, and who comes first finds more of it in one piece.
        for server, _ in random.Random(number).sample([base, loaded, many], 3):
            stack.enter_context(server)
        adapter_life.wait_until_registered(many[0], adapter_life.REGISTERED)
        asked = dict.fromkeys(KINDS, loaded) | {BASE: base, "eight of 1,000": many}
        for kind, (server, field) in asked.items():
            streams.run(server.port, requests(kind, field, WARM, f"warm {kind} {number}"))
        for work, sizes in WORK.items():
            names = {f"{work}, {kind}": kind for kind in KINDS}

            def measure(name, turn):
                server, field = asked[names[name]]
                return rate(server, names[name], field, sizes, f"{name} {turn}")

            # The first time memory for steps of this size is taken.
            for server, field in (base, loaded, many) if work == "prefill" else ():
                streams.run(server.port, requests(BASE, field, sizes, f"warm {work} {number}"))
            kinds.run(options, key, done, names, measure, turns[work], rests=False)


def run(options, key, done):
    for number in range(options.rounds):
        run_in_turns(options, key, done, number)
    for work, sizes in WORK.items() if options.llama_server else ():
        names = {f"{work}, {kind}": kind for kind in PEERS}
        kinds.run(options, key, done, names, lambda name, number: rate_apart(options, sizes, names[name], number))
    adapter_life.run(options, key, done, files(options))


def print_table(key, rows):
    for work, sizes in WORK.items():
        for place, shown in TABLES.items():
            names = [f"{work}, {kind}" for kind in shown]
            # Rounds have orders of their own; tables have one.
            mine = sorted((row for row in rows if row["engine"] in names), key=lambda row: names.index(row["engine"]))
            if mine:
                title = f"{work} of {COUNT} streams {place}, prompts of {sizes[0]}, {sizes[1]} out, nothing guessed"
                kinds.print_table(title, key, mine, names[0])
                print()
    adapter_life.print_table(key, rows)
