"""Function calls under load: every item of BFCL v4's single-turn categories that are not live, put to a live server.

    check_functions.py HEARTH MODEL DATA [OPTIONS]

DATA is the folder for the package's file. Each item is asked twice, with `tool_choice` auto and required. Whatever the
model is worth, the arguments of every call must parse and be of the function's schema: a parse failure, a violation, a
name that is no function's, or a required call that is missing makes the exit code 1, and so does a run in which no required
call could be judged. What BFCL's own checker thinks of the calls is told, and fails nothing. A schema that the server
refuses is counted with the reason, and as not right. Under auto a small model may call nothing at all: see the calls judged.
"""

import argparse
import asyncio
import collections
import json
import random
import sys
import time

import openai

from bfcl import CATEGORIES, Leaderboard
from live_server import NAME, Server

WRONG = ["parse failures", "schema violations", "unknown functions", "missing calls", "broken answers", "nothing judged"]


class Tally:
    """What came of all requests."""

    def __init__(self, out):
        self.counts, self.examples = collections.Counter(), collections.defaultdict(list)
        self.refusals, self.right, self.asked = collections.Counter(), collections.Counter(), collections.Counter()
        self.judged = collections.Counter()
        self.out = open(out, "w") if out else None

    def note(self, kind, words):
        self.counts[kind] += 1
        self.examples[kind].append(words)

    def refused(self, item, choice, error):
        self.counts["refused"] += 1
        self.judge(item, choice, False)
        self.refusals[error.message.replace(item.name, "…")[:200]] += 1
        self.write(item, choice, {"refused": error.message})

    def answered(self, item, choice, answer):
        calls = [(call.function.name, call.function.arguments) for call in answer.message.tool_calls or []]
        self.counts["calls"] += len(calls)
        self.counts[f"ended with {answer.finish_reason}"] += 1
        cut = answer.finish_reason == "length"
        for index, (name, text) in enumerate(calls):
            if cut and index == len(calls) - 1:
                self.counts["calls where the answer was cut off, not judged"] += 1
                continue
            self.judged[choice] += 1
            fault = item.fault(name, text)
            if fault:
                self.note(fault[0], f"{item.name} ({choice}): {fault[1]}")
        if not cut and (answer.finish_reason == "tool_calls") != bool(calls):
            self.note("broken answers", f"{item.name} ({choice}): {answer.finish_reason} with {len(calls)} calls")
        if choice == "required" and not calls and not cut:
            self.note("missing calls", f"{item.name}: {answer.message.content!r}"[:300])
        self.judge(item, choice, item.right(calls))
        self.write(item, choice, {"finish": answer.finish_reason, "content": answer.message.content, "calls": calls})

    def judge(self, item, choice, right):
        """A required call cannot be right where none is."""
        if choice == "auto" or item.category != "irrelevance":
            self.asked[choice, item.category] += 1
            self.right[choice, item.category] += right

    def write(self, item, choice, result):
        if self.out:
            self.out.write(json.dumps({"id": item.name, "tool_choice": choice, **result}) + "\n")
            self.out.flush()

    def report(self):
        """Prints everything; the number of what is wrong."""
        if any(choice == "required" for choice, _ in self.asked) and not self.judged["required"]:
            self.note("nothing judged", "not one required call was finished, so nothing is known of calls")
        for kind in WRONG:
            self.counts[kind] += 0
        print(", ".join(f"{name} {count}" for name, count in self.counts.items()))
        print(f"calls judged: auto {self.judged['auto']}, required {self.judged['required']}")
        for reason, count in self.refusals.most_common():
            print(f"refused {count}: {reason}")
        print(f"{'right by BFCL':24}{'auto':>14}{'required':>14}")
        for category in CATEGORIES:
            cells = [self.score(choice, category) for choice in ("auto", "required")]
            print(f"{category:24}{cells[0]:>14}{cells[1]:>14}")
        for kind in WRONG:
            for words in self.examples[kind][:20]:
                print(f"WRONG {kind}: {words}")
        return sum(self.counts[kind] for kind in WRONG)

    def score(self, choice, category):
        asked, right = self.asked[choice, category], self.right[choice, category]
        return f"{right}/{asked} {100 * right / asked:.1f}%" if asked else "–"


async def ask(client, item, choice, arguments, tally):
    body = dict(model=NAME, messages=item.messages, tools=item.tools, tool_choice=choice, max_tokens=arguments.tokens)
    tally.counts["requests"] += 1
    try:
        answer = await client.chat.completions.create(**body, temperature=arguments.temperature, seed=1)
    except openai.BadRequestError as error:
        tally.refused(item, choice, error)
    except openai.APIError as error:
        tally.note("broken answers", f"{item.name} ({choice}): {type(error).__name__}: {error}")
    else:
        tally.answered(item, choice, answer.choices[0])


async def ask_all(server, questions, arguments, tally):
    """`arguments.streams` requests at any time until all are answered."""
    waiting = iter(questions)
    begun, last = time.monotonic(), time.monotonic()

    async def stream(client):
        nonlocal last
        for item, choice in waiting:
            await ask(client, item, choice, arguments, tally)
            if time.monotonic() - last > 60:
                last = time.monotonic()
                print(f"{tally.counts['requests']} of {len(questions)} after {last - begun:.0f} s", file=sys.stderr)

    async with openai.AsyncOpenAI(base_url=server.origin + "/v1", api_key="none", max_retries=0, timeout=900) as client:
        await asyncio.gather(*(stream(client) for _ in range(arguments.streams)))
    print(f"{len(questions)} requests in {time.monotonic() - begun:.0f} s, {arguments.streams} at once")


def questions(arguments):
    board = Leaderboard(arguments.data)
    items = []
    for category in arguments.category or CATEGORIES:
        whole = board.items(category)
        items += whole[:: len(whole) // 3][:3] if arguments.quick else whole
    found = [(item, choice) for item in items for choice in arguments.tool_choice or ("auto", "required")]
    random.Random(1).shuffle(found)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--quick", action="store_true", help="three questions of each category: 42 requests")
    parser.add_argument("--category", action="append", choices=CATEGORIES, help="only this one")
    parser.add_argument("--tool-choice", action="append", choices=["auto", "required"], help="only this one")
    parser.add_argument("--streams", type=int, default=16, help="requests at once")
    parser.add_argument("--tokens", type=int, default=512, help="most tokens of an answer")
    parser.add_argument("--temperature", type=float, default=0)
    parser.add_argument("--out", help="file for every answer, one JSON object a line")
    arguments = parser.parse_args()
    asked, tally = questions(arguments), Tally(arguments.out)
    server = Server(arguments.hearth, arguments.model)
    try:
        asyncio.run(ask_all(server, asked, arguments, tally))
        server.wait_idle()
    finally:
        server.process.terminate()
        server.process.wait(60)
    wrong = tally.report()
    print(f"{wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
