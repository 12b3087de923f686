"""What keeping to a schema costs: tokens a second of answers that must, and of answers that need not, in pairs."""

import kinds
import overhead
import servers
import streams

# Short prompts, so that all streams decode together for most of the time.
PROMPT, GENERATE = 32, 192
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["alpha", "beta", "gamma"]}, "maxItems": 3},
        "note": {"type": "string"},
    },
    "required": ["name", "age", "tags", "note"],
}
# So many that no answer is complete when its tokens are used up.
SCHEMA = {"type": "array", "items": PERSON, "minItems": 1000}
KINDS = {
    "free": {},
    "schema": {"structured_outputs": {"json": SCHEMA}},
    "any JSON": {"structured_outputs": {"json": {"type": "array", "minItems": 1000}}},
}


def measure(options, count, kind, number):
    """One round on a server that has just started and has answered the same kind of request once."""

    def bodies(name):
        prompts = [servers.tokens(f"{name} {number} {stream}", PROMPT) for stream in range(count)]
        return [servers.body(prompt, GENERATE) | KINDS[kind] | {"temperature": 0.7, "seed": 7} for prompt in prompts]

    with servers.hearth(options, "--speculation", "off") as server:
        streams.run(server.port, bodies("warm"))
        answers = streams.run(server.port, bodies("measured"))
    return {"rate": overhead.rate(answers), "tokens": sum(answer.usage["completion_tokens"] for answer in answers)}


def run(options, key, done):
    kinds.run(options, key, done, KINDS, lambda kind, number: measure(options, key["streams"], kind, number))


def print_table(key, rows):
    title = f"decode of {key['streams']} streams after {PROMPT} tokens, {GENERATE} out, nothing guessed"
    kinds.print_table(title, key, rows, "free")
