"""Answers that call functions with random schemas, written by a model that has no sense, and what is found in them."""

import collections
import json
import sys

import generated
import random_schemas
import validators

# The families whose arguments are JSON; what others write is made to be the generic form.
FAMILIES = [
    "hermes", "llama3", "mistral-list", "mistral-named", "phi4", "granite3", "deepseek-v3", "deepseek-v3.1", "minimax-m1", "apriel",
    "functionary", "generic",
]  # fmt: skip
FUNCTIONS_AT_ONCE = 3


def functions(seed):
    """A few functions whose arguments have random schemas: (name, parameters, validators)."""
    made = []
    for index in range(FUNCTIONS_AT_ONCE):
        maker = random_schemas.SchemaMaker(seed * FUNCTIONS_AT_ONCE + index)
        schema = maker.schema()
        if not isinstance(schema, dict) or schema.get("type") != "object":
            rest = {"$defs": schema.pop("$defs")} if isinstance(schema, dict) and "$defs" in schema else {}
            schema = {"type": "object", "properties": {"value": schema}, "required": ["value"], **rest}
        judges = validators.validators(schema)
        if judges:
            made.append((f"function_{index}", schema, judges))
    return made


def fault(call, judges):
    """Why a call is wrong, a tuple when the validators differ, or None."""
    if call["name"] not in judges:
        return f"there is no function {call['name']!r}"
    return generated.fault(call["arguments"], judges[call["name"]])


def run(engine, vocabulary, seeds, out=sys.stdout, most=40):
    """Calls of random functions; the number of those that do not parse or are not valid."""
    counts, wrong, refused = collections.Counter(), [], collections.Counter()
    for seed in seeds:
        made = functions(seed)
        family, required = FAMILIES[seed % len(FAMILIES)], seed // len(FAMILIES) % 2 == 0
        while made:
            request = {
                "op": "calls", "kind": "calls", "vocabulary": str(vocabulary), "seed": seed, "count": 4, "family": family,
                "required": required, "functions": [{"name": name, "parameters": schema} for name, schema, _ in made],
            }  # fmt: skip
            answer = engine.ask(**request)
            if answer.get("compiled") or "fault" in answer:
                break
            # One that is refused leaves the others to be tried.
            refused[answer["error"].split(": ", 1)[-1][:90]] += 1
            made.pop()
        if "fault" in answer:
            wrong.append(f"seed {seed}, {family}: {answer['fault']}")
        if not made or "fault" in answer:
            continue
        counts["schemas"] += len(made)
        judges = {name: judge for name, _, judge in made}
        schemas = {name: schema for name, schema, _ in made}
        for one in answer["answers"]:
            counts["answers"] += 1
            if required and not one["calls"]:
                wrong.append(f"seed {seed}, {family}: no call where one is required: {one['text'][:300]!r}")
            for call in one["calls"]:
                counts["calls"] += 1
                problem = fault(call, judges)
                if isinstance(problem, str):
                    about = json.dumps(schemas.get(call["name"]))[:500]
                    wrong.append(f"seed {seed}, {family}: {problem}: {call['arguments'][:300]!r} in {one['text'][:200]!r}\n    {about}")
                elif problem:
                    counts["calls that the validators differ on"] += 1
    print(", ".join(f"{name} {count}" for name, count in counts.items()), file=out)
    for text, count in refused.most_common():
        print(f"refused {count}: {text}", file=out)
    for one in wrong[:most]:
        print(f"WRONG {one}", file=out)
    return len(wrong)
