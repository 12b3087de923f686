"""Random texts out of a grammar, put before the validators; random instances, put before the grammar."""

import collections
import decimal
import json
import math
import sys

import instances
import random_schemas
import suite
import validators

# Longest random text, in bytes: what has not come to an end by then is not judged.
LONGEST = 4000


class Invalid:
    """A text that came out of a grammar and is not valid."""

    def __init__(self, schema, mode, text, reason):
        self.schema, self.mode, self.text, self.reason = schema, mode, text, reason

    def __str__(self):
        return f"generated ({self.mode}): {self.reason}: {json.dumps(self.text[:300])}\n    {json.dumps(self.schema)[:700]}"


def unique_members(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a member comes twice")
    return dict(pairs)


def beyond_doubles(text):
    """Whether a number in the text has more digits than the float that Python and Rust read for it."""
    inexact = []

    def read(digits):
        value = float(digits)
        inexact.append(not math.isfinite(value) or decimal.Decimal(digits) != decimal.Decimal(repr(value)))
        return value

    json.loads(text, parse_float=read)
    return any(inexact)


def fault(text, made):
    """Why a text is not what it must be: None when it is valid; a tuple when the validators differ."""
    try:
        value = json.loads(text, object_pairs_hook=unique_members)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"
    python, rust = made.both(value)
    if python and rust:
        return None
    if beyond_doubles(text):
        return "a number with more digits than a double", python, rust
    if python is False and rust is False:
        return "refused by jsonschema and jsonschema-rs"
    return ("jsonschema", python, "jsonschema-rs", rust)


class Generated:
    """What one schema's grammar produced."""

    def __init__(self, engine, schema, seed, count=4, made=None):
        self.invalid, self.disputed, self.texts, self.faults = [], [], 0, []
        made = made or validators.validators(schema)
        self.taken = made is not None
        self.answers = []
        for mode in ("any", "answer") if made else ():
            request = {"kind": "json_schema", "source": schema, **suite.MODES[mode]}
            answer = engine.ask(op="generate", seed=seed, count=count, bytes=LONGEST, **request)
            self.answers.append(answer)
            if "fault" in answer:
                self.faults.append(Invalid(schema, mode, "", answer["fault"]))
            for text in answer.get("texts", []):
                self.texts += 1
                reason = fault(text, made)
                if isinstance(reason, str):
                    self.invalid.append(Invalid(schema, mode, text, reason))
                elif reason:
                    self.disputed.append(Invalid(schema, mode, text, reason))


def run(engine, seeds, out=sys.stdout, most=60):
    """Thousands of random schemas; the number of what is wrong."""
    counts, refusals = collections.Counter(), collections.Counter()
    wrong, disputed, times = [], [], []
    for seed in seeds:
        schema = random_schemas.SchemaMaker(seed).schema()
        generated = Generated(engine, schema, seed)
        case = instances.case("random", f"seed {seed}", schema, seed, depth=3) if generated.taken else None
        if case is None:
            counts["refused by a validator"] += 1
            continue
        counts["schemas"] += 1
        counts["texts"] += generated.texts
        wrong += generated.invalid + generated.faults
        disputed += generated.disputed
        for mode in suite.MODES:
            result = suite.Result(case, engine, mode)
            counts[f"compiled ({mode})"] += result.compiled
            counts["right"] += result.right
            times.append((result.answer.get("milliseconds", 0), seed, mode))
            wrong += result.wrong
            if not result.compiled and mode == "any":
                refusals["fault" if "fault" in result.answer else reason(result.answer)] += 1
    print(", ".join(f"{name} {count}" for name, count in counts.items()), file=out)
    times.sort()
    slowest = ", ".join(f"{time:.0f} ms (seed {seed}, {mode})" for time, seed, mode in times[:-6:-1])
    print(f"compiled in {times[len(times) // 2][0]:.1f} ms in the middle; slowest {slowest}", file=out)
    for text, count in refusals.most_common():
        print(f"refused {count}: {text}", file=out)
    print(f"validators differ on {len(disputed)} generated texts", file=out)
    for one in disputed[:most]:
        print(f"DISPUTED {one}", file=out)
    for one in wrong[:most]:
        print(f"WRONG {one}", file=out)
    return len(wrong)


def reason(answer):
    """The refusal without what differs from schema to schema."""
    error = answer["error"]
    return (error.split(": ", 1)[-1] if error.startswith("at '") else error)[:100]
