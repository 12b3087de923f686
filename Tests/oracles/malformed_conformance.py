"""Every field of every request with what it must not be: the right error names it, and the server goes on.

    malformed_conformance.py HEARTH CHAT-MODEL EMBEDDING-MODEL

What fields there are, and what they may be, is read from the server's OpenAPI document. Exits with 1 when a check fails.
"""

import json
import pathlib
import sys
import urllib.error
import urllib.request

import openapi_conformance

# One value of each type of JSON, and texts that are hard on readers.
VALUES = {
    "string": ["", "a", "\u0000", "\ud800", "e\u0301" * 1000, "\u202e\U0001f600"],
    "integer": [0, -1, 2**63 - 1, 10**19],
    "number": [0.5, -1e300, 1e308],
    "boolean": [True, False],
    "array": [[], [[]], [None], [{}], list(range(5000))],
    "object": [{}, {"": {}}, {"a": {"b": []}}],
}
BASE = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
    "/v1/completions": {"prompt": "Hi", "max_tokens": 1},
    "/v1/embeddings": {"input": "Hi"},
    "/v1/rerank": {"query": "Hi", "documents": ["a", "b"]},
    "/v1/score": {"text_1": "Hi", "text_2": "Ho"},
    "/v1/responses": {"input": "Hi", "max_output_tokens": 1},
    "/v1/responses/input_tokens": {"input": "Hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "Hi"}]},
    "/api/chat": {"messages": [{"role": "user", "content": "Hi"}], "stream": False, "options": {"num_predict": 1}},
    "/api/generate": {"prompt": "Hi", "stream": False, "options": {"num_predict": 1}},
    "/api/embed": {"input": "Hi"},
    "/api/embeddings": {"prompt": "Hi"},
    "/api/show": {},
    "/tokenize": {"prompt": "Hi"},
    "/detokenize": {"tokens": [1]},
}


FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": True}}
QUESTION = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
# Bodies with the members of members, each of which is put wrong in its turn.
NESTED = {
    "/v1/chat/completions": [
        {"messages": [QUESTION, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c", "content": "1"}],
         "tools": [{"type": "function", "function": FUNCTION}], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"response_format": SCHEMA, "logit_bias": {"1": 1}, "stop": ["a"], "stop_token_ids": [1], "metadata": {"a": "b"},
         "thinking": {"type": "disabled"}},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"functions": [FUNCTION], "function_call": {"name": "f"}},
    ],
    "/v1/completions": [{"response_format": SCHEMA, "stop": ["a"], "stop_token_ids": [1]}],
    "/v1/responses": [
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "text": {"format": {"type": "text"}},
         "tools": [{"type": "function", **FUNCTION}], "tool_choice": {"type": "function", "name": "f"}, "metadata": {"a": "b"}},
        {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                   {"type": "function_call_output", "call_id": "c", "output": "1"}]},
    ],
    "/v1/messages": [
        {"system": [{"type": "text", "text": "a"}], "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
         "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
         "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}, "metadata": {"user_id": "u"},
         "stop_sequences": ["a"]},
    ],
    "/v1/rerank": [{"documents": ["a", {"text": "b"}]}],
    "/api/chat": [
        {"tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
         "messages": [{"role": "user", "content": "Hi", "images": []}, {"role": "assistant", "tool_calls": [
             {"id": "c", "function": {"name": "f", "arguments": {}}}]}, {"role": "tool", "content": "1", "tool_name": "f"}],
         "options": {"num_predict": 1, "temperature": 1, "top_k": 1, "top_p": 1, "min_p": 0, "typical_p": 1, "seed": 1, "stop": ["a"],
                     "repeat_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0, "num_ctx": 1}},
    ],
}  # fmt: skip


def send(origin, path, body):
    """Status and answer; `body` is sent as it stands when it is bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(origin + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def types(schema):
    found = schema.get("type", [])
    return [found] if isinstance(found, str) else found


def wrong_values(schema):
    """Values that the schema refuses for certain: of another type, or out of bounds."""
    allowed = set(types(schema)) | ({"integer"} if "number" in types(schema) else set())
    if allowed:
        for kind, values in VALUES.items():
            if kind not in allowed and not (kind == "number" and "integer" in allowed):
                yield from values
        if "integer" in allowed and "number" not in allowed:
            yield 0.5
    for key, step in (("minimum", -1), ("maximum", 1)):
        if key in schema:
            yield schema[key] + step
    if "maxLength" in schema and schema["maxLength"] < 10**6 and allowed <= {"string", "null"}:
        yield "a" * (schema["maxLength"] + 1)


def check_fields(origin, found):
    """Each field by itself; the number of answers that were wrong, and of requests."""
    wrong, count = [], 0
    for path, base in BASE.items():
        schema = found["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        model = schema["properties"]["model"]["enum"][0]
        assert send(origin, path, {"model": model, **base})[0] == 200, f"the request without faults fails: {path}"
        for name, field in schema["properties"].items():
            for value in wrong_values(field):
                status, answer = send(origin, path, {"model": model, **base, name: value})
                count += 1
                if problem := fault(status, answer, path, name):
                    wrong.append(f"{path} {name}={str(value)[:60]!r}: {problem}")
        for name in schema.get("required", []):
            status, answer = send(origin, path, {key: value for key, value in {"model": model, **base}.items() if key != name})
            count += 1
            if problem := fault(status, answer, path, name):
                wrong.append(f"{path} without {name}: {problem}")
    return wrong, count


def replaced(value, place, new):
    """`value` with `new` at `place`, a list of names and indices."""
    if not place:
        return new
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


def places(value, schema, place=()):
    """(place, schema) of everything within `value` that the schema says something of."""
    if isinstance(value, dict):
        inner = [(name, schema.get("properties", {}).get(name)) for name in value]
    elif isinstance(value, list):
        inner = [(index, schema.get("items")) for index in range(len(value))]
    else:
        return
    for name, found in inner:
        if isinstance(found, dict):
            yield [*place, name], found
            yield from places(value[name], found, (*place, name))


def check_members(origin, found):
    """Each member of members; as `check_fields`."""
    wrong, count = [], 0
    for path, bodies in NESTED.items():
        schema = found["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        model = schema["properties"]["model"]["enum"][0]
        for body in bodies:
            whole = {"model": model, **BASE[path], **body}
            status, answer = send(origin, path, whole)
            assert status == 200, f"the request without faults fails: {path}: {answer[:300]}"
            for place, field in places(body, schema):
                if len(place) < 2:
                    continue
                name = next(part for part in reversed(place) if isinstance(part, str))
                for value in wrong_values(field):
                    status, answer = send(origin, path, replaced(whole, place, value))
                    count += 1
                    if problem := fault(status, answer, path, name):
                        spelled = ".".join(map(str, place))
                        wrong.append(f"{path} {spelled}={str(value)[:60]!r}: {problem}")
    return wrong, count


def fault(status, answer, path, name):
    if status not in (400, 404):
        return f"status {status}: {answer[:200]}"
    error = json.loads(answer)["error"]
    # Anthropic's and Ollama's errors have no parameter; their message names it.
    if path.startswith("/api/"):
        named = error
    else:
        named = error["message"] if path.startswith("/v1/messages") else error["param"] or ""
    return None if name in named else f"the error names {named!r}"


def check_bodies(origin, chat):
    """Bodies that are wrong as a whole: (what, body, statuses that are right)."""
    base = BASE["/v1/chat/completions"]
    text = json.dumps({"model": chat, **base})
    deep = text[:-1] + ', "metadata": ' + '{"a":' * 100 + "1" + "}" * 100 + "}"
    bodies = [
        ("no body", b"", {400}), ("no JSON", b"{", {400}), ("a list", b"[]", {400}), ("a text", b'"a"', {400}),
        ("bytes that are no UTF-8", b'{"model": "\xff"}', {400}), ("a zero byte", b"\0", {400}),
        ("a name twice", (text[:-1] + ', "model": "other"}').encode(), {400}),
        ("100 levels", deep.encode(), {400}),
        ("10,000 levels", b'{"messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", {400}),
        ("50 MB", text[:-1].encode() + b', "user": "' + b"a" * (50 << 20) + b'"}', {400, 413}),
        ("50 MB of brackets", b"[" * (50 << 20), {400, 413}),
        # It stands for no character; as other readers do, this one takes U+FFFD for it.
        ("half a surrogate", (text[:-1] + ', "user": "\\ud800"}').encode(), {200}),
        ("a number without end", (text[:-1] + ', "seed": ' + "9" * 100_000 + "}").encode(), {400}),
    ]  # fmt: skip
    for what, body, statuses in bodies:
        try:
            status, answer = send(origin, "/v1/chat/completions", body)
        except OSError as error:
            # A server that has refused a body may hang up on the rest of it.
            status, answer = (413, b"") if len(body) > 10 << 20 else (0, str(error).encode())
        if status not in statuses:
            yield f"{what}: status {status}: {answer[:200]}"


def main(hearth, model, embedding):
    # With functions explained, prompts are longer than schemathesis' are.
    process, origin = openapi_conformance.serve(hearth, model, embedding, context="512")
    try:
        found = openapi_conformance.document(origin, embedding)
        wrong, count = check_fields(origin, found)
        more, nested = check_members(origin, found)
        wrong += more
        wrong += check_bodies(origin, openapi_conformance.CHAT)
        assert process.poll() is None, "the server ended"
        base = {"model": openapi_conformance.CHAT, **BASE["/v1/chat/completions"]}
        assert send(origin, "/v1/chat/completions", base)[0] == 200, "the server does not answer any more"
    finally:
        process.terminate()
        process.wait(30)
    for one in wrong[:60]:
        print(f"WRONG {one}")
    print(f"{count} fields that were wrong and {nested} within others, {len(wrong)} wrong answers")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
