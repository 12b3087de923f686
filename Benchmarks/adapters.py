"""What adapters cost: tokens a second of the same streams under none, one and eight of them, in pairs, beside llama.cpp's server
under the same files; then what coming, going and staying costs (adapter_life.py).

The adapters are eight random ones of all linear layers (random_adapters.py). What they cost is measured in turns in one server,
a new one every round: two servers of the same binary differ by some percent. Servers of their own have the base without any
adapter, the base beside adapters that nobody asks for ("loaded"), and eight adapters where a thousand are registered and 64 are
in memory.
"""

import pathlib

import adapter_life
import kinds
import overhead
import servers
import streams

COUNT = 8
# Short prompts, so that all streams decode together for most of the time; long ones for the speed of reading.
DECODE, PREFILL = (32, 128), (512, 1)
WORK = {"decode": DECODE, "prefill": PREFILL}
# In turns in one server, so many times a round.
TURNS = 8
IN_TURNS = {
    "base in turns": lambda stream: None,
    "one adapter": lambda stream: 0,
    "eight adapters": lambda stream: stream % COUNT,
}
APART = {
    "base": lambda stream: None,
    "loaded": lambda stream: None,
    "eight of 1,000": lambda stream: stream % COUNT,
}
PEERS = {
    "llama-server, base": lambda stream: None,
    "llama-server, one adapter": lambda stream: 0,
    "llama-server, eight adapters": lambda stream: stream % COUNT,
}


def files(options):
    return sorted(pathlib.Path(options.adapters).glob("*.gguf"))[:COUNT]


def hearth(options, kind):
    """The server of a kind, and the field that asks it for adapter `number`."""
    if kind == "eight of 1,000":
        folder = adapter_life.thousand(options)
        size = files(options)[0].stat().st_size
        server = servers.hearth(
            options, "--speculation", "off", "--adapter-folder", folder, "--adapter-bytes", str(64 * size * 6 // 10)
        )  # fmt: skip
        return server, lambda number: {"model": f"bench:n{number}"}
    given = files(options) if kind != "base" else []
    arguments = [word for number, file in enumerate(given) for word in ("--adapter", f"a{number}={file}")]
    return servers.hearth(options, "--speculation", "off", *arguments), lambda number: {"model": f"bench:a{number}"}


def llama(options, kind, sizes):
    """llama.cpp's server with all adapters and none of them applied unless a request says so."""
    given = files(options) if kind != "llama-server, base" else []
    # Named one by one, only the last of them would count.
    arguments = ["--lora", ",".join(map(str, given)), "--lora-init-without-apply"] if given else []
    context = (COUNT + 1) * (sum(sizes) + 64)
    server = servers.llama(options, context, "-np", COUNT, "--kv-unified", "-fa", "on", *arguments)
    return server, lambda number: {"lora": [{"id": number, "scale": 1.0}]}


def requests(kind, field, sizes, name):
    """A request of each stream."""
    bodies = []
    for stream in range(COUNT):
        adapter = (IN_TURNS | APART | PEERS)[kind](stream)
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
    server, field = llama(options, kind, sizes) if kind in PEERS else hearth(options, kind)
    with server:
        if kind == "eight of 1,000":
            adapter_life.wait_until_registered(server, adapter_life.REGISTERED)
        streams.run(server.port, requests(kind, field, sizes, f"warm {number}"))
        return rate(server, kind, field, sizes, f"measured {number}")


def run_in_turns(options, key, done, names, sizes):
    for number in range(options.rounds):
        turns = range(number * TURNS, (number + 1) * TURNS)
        if all((turn, name) in done for turn in turns for name in names):
            continue
        server, field = hearth(options, "in turns")
        with server:
            for kind in names.values():
                streams.run(server.port, requests(kind, field, sizes, f"warm {kind} {number}"))
            kinds.run(
                options, key, done, names,
                lambda name, turn: rate(server, names[name], field, sizes, f"{name} {turn}"), turns,
            )  # fmt: skip


def run(options, key, done):
    apart = [*APART, *(PEERS if options.llama_server else [])]
    for work, sizes in WORK.items():
        run_in_turns(options, key, done, {f"{work}, {kind}": kind for kind in IN_TURNS}, sizes)
        names = {f"{work}, {kind}": kind for kind in apart}
        kinds.run(options, key, done, names, lambda name, number: rate_apart(options, sizes, names[name], number))
    adapter_life.run(options, key, done, files(options))


def print_table(key, rows):
    for work, sizes in WORK.items():
        for place, shown in (("in turns in one server", IN_TURNS), ("in servers of their own", APART | PEERS)):
            names = [f"{work}, {kind}" for kind in shown]
            mine = [row for row in rows if row["engine"] in names]
            if mine:
                title = f"{work} of {COUNT} streams {place}, prompts of {sizes[0]}, {sizes[1]} out, nothing guessed"
                kinds.print_table(title, key, mine, names[0])
                print()
    adapter_life.print_table(key, rows)
