"""How long running answers wait for their next token while long prompts are read, and what the prompts lose by them.

So many answers run, each after a short prompt of its own. Beside them prompts of one length are read one after the other,
each of another text; then the same server reads as many while nothing runs. A gap is the time between two pieces of an
answer as its client gets them, counted from when the first prompt is sent until the last one is read. What other processes
take of the machine meanwhile lengthens gaps, so the table says how much it was.
"""

import os
import selectors
import statistics
import sys
import time

import measuring
import servers
import streams

# How many prompts of so many tokens are read. The longest leaves room for an answer in a context of 8,192.
PROMPTS = {2048: 8, 8064: 2}
# Tokens of the running answers' prompts, and how long they would become if nobody hung up.
OWN, ANSWER = 32, 8000
FIELDS = ("gap50", "gap95", "gap99", "longest", "answered", "rate", "alone", "kept", "both", "others")


def receive(selector):
    """Notes what comes next; returns the streams that ended."""
    ended = []
    for key, _ in selector.select():
        if not key.data.receive(key.fileobj):
            selector.unregister(key.fileobj)
            key.fileobj.close()
            ended.append(key.data)
    return ended


def exchange(port, running, prompts):
    """Reads the prompts one after the other while answers run, which are hung up on in the end.

    Returns the streams of both, which have come and are not read.
    """

    def open_stream(body):
        stream = streams.Stream(port, body)
        selector.register(stream.open(), selectors.EVENT_READ, stream)
        return stream

    with selectors.DefaultSelector() as selector:
        answers = [open_stream(body) for body in running]
        while not all(b"data:" in b"".join(answer.pieces) for answer in answers):
            receive(selector)
        read = []
        for body in prompts:
            read.append(open_stream(body))
            while read[-1] not in (ended := receive(selector)):
                if ended:
                    sys.exit(f"A running answer ended before the prompts were read:\n{ended[0].answer().usage}")
        for key in list(selector.get_map().values()):
            key.fileobj.close()
    return answers, read


def prompt_rate(read, size):
    """Prompt tokens a second, from each prompt's sending to its first token."""
    answers = [stream.answer() for stream in read]
    for answer in answers:
        if (cached := (answer.usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)) > 0:
            sys.exit(f"{cached} tokens of a prompt were in the cache.")
    return len(answers) * size / sum(answer.first - answer.sent for answer in answers)


def taken(server):
    """Ticks of all processors so far, and those of them that neither this server nor this client used."""
    total, idle = measuring.processor_ticks()
    own = sum(server.processor_seconds()) + time.process_time()
    return total, total - idle - own * servers.TICKS


def measure(server, count, size, number):
    """Figures of one length of prompts beside `count` running answers, and alone."""

    def bodies(name, length, generate, how_many):
        return [servers.body(servers.tokens(f"{name} {size} {number} {i}", length), generate) for i in range(how_many)]

    running = bodies("own", OWN, ANSWER, count)
    # A server that runs knows how long its steps take.
    exchange(server.port, [], bodies("warm", size, 2, 1))
    before = taken(server)
    answers, read = exchange(server.port, running, bodies("beside", size, 2, PROMPTS[size]))
    total, others = (after - start for after, start in zip(taken(server), before))
    _, alone = exchange(server.port, [], bodies("alone", size, 2, PROMPTS[size]))
    begin, end = read[0].sent, read[-1].answer().first
    gaps, tokens = [], 0
    for answer in answers:
        instants = streams.text_times(answer.received())
        tokens += sum(begin < instant <= end for instant in instants)
        # The gap in which a prompt was sent began before, or nothing would be counted of what it costs to begin.
        gaps += [later - earlier for earlier, later in zip(instants, instants[1:]) if later > begin and earlier < end]
    rate, alone = prompt_rate(read, size), prompt_rate(alone, size)
    answered = tokens / (end - begin)
    return {
        "gap50": measuring.percentile(gaps, 0.5), "gap95": measuring.percentile(gaps, 0.95),
        "gap99": measuring.percentile(gaps, 0.99), "longest": max(gaps), "gaps": len(gaps),
        "answered": answered, "rate": rate, "alone": alone, "kept": rate / alone, "both": (rate + answered) / alone,
        "others": max(0, others / total),
    }  # fmt: skip


def run(options, key, done):
    for number in range(options.rounds):
        for size in map(int, options.read.split(",")):
            if (number, size) in done:
                continue
            row = {**key, "round": number, "engine": size}
            row["busy"] = measuring.wait_for_idle(options.busy_limit, options.patience)
            with servers.hearth(options, "--speculation", "off") as server:
                server.warm_up()
                row |= measure(server, key["streams"], size, number)
            measuring.save(options.results, {**row, "load": os.getloadavg()[0]})


def print_table(key, rows):
    print(f"{key['streams']} running answers, nothing guessed")
    print(measuring.heading(key, rows))
    print(
        "| answers | prompts of | gap p50 / p95 / p99 | longest | answers' tokens/s | prompt tokens/s | alone | kept "
        "| with the answers' tokens | others' work |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for size, measured in measuring.by_engine(rows).items():
        middle = {name: statistics.median(row[name] for row in measured.values()) for name in FIELDS}
        gaps = " / ".join(f"{middle[name] * 1000:.0f}" for name in ("gap50", "gap95", "gap99"))
        print(
            f"| {key['streams']} | {size} | {gaps} ms | {middle['longest'] * 1000:.0f} ms | {middle['answered']:.1f} "
            f"| {middle['rate']:.0f} | {middle['alone']:.0f} | {middle['kept']:.1%} | {middle['both']:.1%} "
            f"| {middle['others']:.0%} |"
        )
