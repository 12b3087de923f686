"""How long the tokens that may come next take to find, over vocabularies of three sizes."""

import json
import math
import statistics

VOCABULARIES = (
    ("SmolLM2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    ("Qwen2", "llama-cpp-python-0.3.36/vendor/llama.cpp/models/ggml-vocab-qwen2.gguf"),
    ("Gemma 3", "gemma-3-270m-q4_k_m.gguf"),
)
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["alpha", "beta", "gamma"]}},
        "address": {
            "type": "object",
            "properties": {
                "street": {"type": "string", "maxLength": 80},
                "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
            },
            "required": ["street"],
        },
        "note": {"type": "string"},
    },
    "required": ["name", "age"],
}
ADA = {
    "name": "Ada Lovelace of the analytical engine", "age": 36, "tags": ["alpha", "gamma"],
    "address": {"street": "12 St James's Square, London", "zip": "12345"},
    "note": 'She wrote the first program. It computed Bernoulli numbers, "as it were"; see the notes of 1843.',
}  # fmt: skip
ANYTHING = {
    "a": {"b": [1, 2.5, -3e5, "x y z", None, True]}, "text": "hello world this is a longer text with words",
    "k": {"nested": {"deep": ["one", "two", "three"]}},
}  # fmt: skip
# Microseconds over the smallest vocabulary, of which a busy machine may take twice as many.
MOST_MEDIAN, MOST_99 = 50, 1000
# What is asked again when it was too slow: the median of three readings decides.
ATTEMPTS = 3


def run(engine, cache, out):
    """Two rounds of each, the first of which meets every state for the first time; the number of those too slow."""
    wrong = 0
    print("| vocabulary | tokens | asked for | round | masks | median | 99 % | slowest |\n|---|---|---|---|---|---|---|---|", file=out)
    for name, file in VOCABULARIES:
        if not (cache / file).exists():
            print(f"left out, {file} is not there: scripts/fetch-test-data gets it", file=out)
            continue
        for asked, schema, value in (("a schema", PERSON, ADA), ("any object", {"type": "object"}, ANYTHING)):
            texts = [json.dumps(value), json.dumps(value, separators=(",", ":")), json.dumps(value, indent=2)]
            request = {"source": schema, "vocabulary": str(cache / file), "texts": texts}
            slow = 0
            for attempt in range(ATTEMPTS):
                slow += measure(engine, f"{name} | {{}} | {asked}", request, out) > 0
                if name != VOCABULARIES[0][0] or slow == 0 or slow > ATTEMPTS // 2:
                    break
            if name == VOCABULARIES[0][0] and slow > ATTEMPTS // 2:
                wrong += 1
                print("WRONG: masks take too long", file=out)
    return wrong


def measure(engine, label, request, out):
    """Both rounds in a process that has met no state; how many took too long."""
    engine.stop()
    slow = 0
    for number in ("first", "second"):
        answer = engine.ask(op="masks", kind="json_schema", order="declared", **request)
        times = sorted(answer.get("mask_us") or [math.inf])
        middle, most = statistics.median(times), times[int(0.99 * len(times))]
        row = f"{label.format(answer.get('vocabulary_size', ''))} | {number} | {len(times)}"
        print(f"| {row} | {middle:.1f} us | {most:.0f} us | {times[-1]:.0f} us |", answer.get("error", ""), file=out)
        slow += middle > 2 * MOST_MEDIAN or most > 2 * MOST_99
    return slow
