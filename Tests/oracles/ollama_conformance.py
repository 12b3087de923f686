"""The official `ollama` client against a live server: what it asks for it gets, and nothing leaks.

    ollama_conformance.py HEARTH MODEL EMBEDDER

Starts `HEARTH serve MODEL` on a free port, and `HEARTH serve EMBEDDER` on another for the checks that embed, runs every
check, and prints `N passed, N failed`.
"""

import json
import sys
from typing import Literal

import ollama
import pydantic

from live_server import NAME, Server, run

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def options(extra):
    return {"temperature": 0, "num_predict": 24, **extra}


def chat(server, stream=False, model=NAME, messages=None, **extra):
    messages = messages or [{"role": "user", "content": "Name three colours."}]
    others = {key: extra.pop(key) for key in ("tools", "format", "think", "keep_alive") if key in extra}
    return server.client.chat(model=model, messages=messages, stream=stream, options=options(extra), **others)


def refusal(call, *arguments, **extra):
    try:
        call(*arguments, **extra)
    except ollama.ResponseError as error:
        return error
    raise AssertionError(f"{extra} was accepted")


@check
def models_are_listed_shown_and_running(server):
    names = [model.model for model in server.client.list().models]
    assert NAME in names, names
    listed = server.client.list().models[0]
    assert listed.size > 10**7 and listed.details.format == "gguf" and listed.details.family == "llama", listed
    shown = server.client.show(NAME)
    assert shown.modelinfo["llama.context_length"] > 1000, shown
    assert shown.capabilities == ["completion", "tools"], shown
    assert NAME in [model.model for model in server.client.ps().models]


@check
def a_chat_has_text_a_reason_and_times(server):
    answer = chat(server)
    assert answer.message.role == "assistant" and answer.message.content.strip()
    assert answer.done and answer.done_reason in ("stop", "length") and answer.model == NAME
    assert answer.prompt_eval_count > 5 and 0 < answer.eval_count <= 24
    parts = answer.load_duration, answer.prompt_eval_duration, answer.eval_duration
    assert all(part > 0 for part in parts) and 0 <= answer.total_duration - sum(parts) <= 3, answer


@check
def a_stream_says_what_the_whole_answer_says(server):
    for extra in ({}, {"num_predict": 3}, {"top_k": 1, "seed": 4}, {"temperature": 0.9, "seed": 7, "min_p": 0.05}):
        whole = chat(server, **extra)
        stream = list(chat(server, stream=True, **extra))
        text = "".join(part.message.content for part in stream)
        assert text == whole.message.content, (text, whole.message.content)
        assert [part.done for part in stream] == [False] * (len(stream) - 1) + [True]
        assert stream[-1].done_reason == whole.done_reason and stream[-1].eval_count == whole.eval_count


@check
def a_prompt_is_a_chat_of_one_message(server):
    generate = lambda **extra: server.client.generate(
        model=NAME, prompt="Name three colours.", options=options({}), **extra
    )
    whole = generate()
    assert whole.response == chat(server).message.content
    assert "".join(part.response for part in generate(stream=True)) == whole.response
    system = generate(system="Speak like a sailor.")
    both = [{"role": "system", "content": "Speak like a sailor."}, {"role": "user", "content": "Name three colours."}]
    assert system.response == chat(server, messages=both).message.content
    raw = generate(raw=True)
    assert raw.prompt_eval_count < whole.prompt_eval_count, (raw, whole)


@check
def a_stop_string_and_the_limit_end_an_answer(server):
    whole = chat(server).message.content
    word = whole.split()[1]
    cut = chat(server, stop=[word])
    assert cut.done_reason == "stop" and word not in cut.message.content
    assert whole.startswith(cut.message.content)
    assert chat(server, num_predict=1).done_reason == "length"


@check
def a_name_may_have_ollamas_tag(server):
    assert chat(server, model=NAME + ":latest").message.content == chat(server).message.content


@check
def an_empty_request_loads_the_model(server):
    assert server.client.generate(model=NAME, keep_alive="5m").done_reason == "load"
    assert server.client.chat(model=NAME).done_reason == "load"


@check
def errors_have_their_status_and_name_the_field(server):
    assert refusal(chat, server, model="nobody").status_code == 404
    nameless = {"type": "function", "function": {"description": "f"}}
    strange = {"type": "object", "properties": {"a": {"type": "string", "format": "nope"}}}
    for field, extra in (
        ("'tools[0].function.name'", {"tools": [nameless]}),
        ("/properties/a/format", {"format": strange}),
        ("'format'", {"format": strange}),
        ("'think'", {"think": True}),
        ("'think'", {"think": "high"}),
        ("'options.temperature'", {"temperature": 9.5}),
        ("'options.num_ctx'", {"num_ctx": 10**8}),
    ):
        error = refusal(chat, server, **extra)
        assert error.status_code == 400 and field in error.error, error
    error = refusal(server.client.embed, NAME, "a")
    assert error.status_code == 400 and "'model'" in error.error, error
    assert refusal(server.client.pull, NAME).status_code == 501
    error = refusal(server.client.generate, NAME, "a", template="{{ .Prompt }}")
    assert error.status_code == 400 and "'template'" in error.error, error
    pictures = [{"role": "user", "content": "a", "images": ["AAAA"]}]
    error = refusal(chat, server, messages=pictures)
    assert error.status_code == 400 and "messages[0].images" in error.error, error


def get_weather(city: str, unit: Literal["celsius", "fahrenheit"], days: int = 1) -> str:
    """The weather of a city.

    Args:
      city: The city's name.
      unit: Of the temperature.
      days: Days to look ahead.
    """
    return f"18 degrees {unit} in {city}, for {days} days"


ROLL = {
    "type": "function",
    "function": {
        "name": "roll",
        "description": "Rolls a die.",
        "parameters": {
            "type": "object",
            "properties": {"sides": {"type": "integer", "enum": [6, 20]}, "why": {"type": "string"}},
            "required": ["sides"],
        },
    },
}


def asked(city):
    """A question and the call that follows it."""
    arguments = {"city": city, "unit": "celsius"}
    return [
        {"role": "user", "content": f"What is the weather in {city}?"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "get_weather", "arguments": arguments}}]},
    ]


# Ollama has no way to force a call, so the model sees a few.
WEATHER = [*asked("Rome"), *asked("Oslo"), {"role": "user", "content": "What is the weather in Paris?"}]


def call_is_valid(call):
    name, arguments = call.function.name, call.function.arguments
    if name == "roll":
        assert arguments["sides"] in (6, 20) and set(arguments) <= {"sides", "why"}, call
    else:
        assert name == "get_weather" and {"city", "unit"} <= set(arguments) <= {"city", "unit", "days"}, call
        assert isinstance(arguments["city"], str) and isinstance(arguments.get("days", 1), int), call


@check
def calls_are_valid_and_streamed_as_they_are_whole(server):
    made = 0
    for seed in range(6):
        extra = dict(messages=WEATHER, tools=[get_weather, ROLL], num_predict=160, temperature=1.2, seed=seed)
        whole = chat(server, **extra).message
        for call in whole.tool_calls or []:
            call_is_valid(call)
        made += len(whole.tool_calls or [])
        parts = list(chat(server, stream=True, **extra))
        calls = [call for part in parts for call in part.message.tool_calls or []]
        assert calls == list(whole.tool_calls or []), (calls, whole)
        assert "".join(part.message.content or "" for part in parts) == whole.content, (parts, whole)
    assert made >= 3, f"the model made only {made} calls"


@check
def results_go_back_to_the_model(server):
    call = {"function": {"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}}}
    for result in ({"tool_name": "get_weather"}, {}):
        messages = [
            {"role": "user", "content": "What is the weather in Paris?"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": get_weather("Paris", "celsius"), **result},
        ]
        answer = chat(server, messages=messages, tools=[get_weather])
        assert answer.message.content or answer.message.tool_calls, answer
        plain = chat(server, messages=messages)
        assert plain.message.content and not plain.message.tool_calls, plain


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=40)
    born: int = pydantic.Field(ge=1000, le=2100)
    fields: list[Literal["math", "poetry", "music"]] = pydantic.Field(max_length=2)


@check
def a_format_is_kept_to(server):
    messages = [{"role": "user", "content": "Tell me about Ada Lovelace."}]
    schema = Person.model_json_schema()
    for temperature in (0, 1.5):
        answer = chat(server, messages=messages, format=schema, num_predict=300, temperature=temperature, seed=3)
        assert answer.done_reason == "stop", answer
        Person.model_validate_json(answer.message.content)
    stream = chat(server, True, messages=messages, format=schema, num_predict=300)
    whole = chat(server, messages=messages, format=schema, num_predict=300).message.content
    assert "".join(part.message.content for part in stream) == whole
    Person.model_validate_json(whole)
    answer = chat(server, messages=messages, format="json", num_predict=400, temperature=0.7, seed=2)
    assert answer.done_reason == "length" or isinstance(json.loads(answer.message.content), dict), answer
    for raw in (False, True):
        prompt = server.client.generate(
            NAME, "Ada Lovelace", raw=raw, format=schema, options=options({"num_predict": 300})
        )
        Person.model_validate_json(prompt.response)


@check
def a_model_that_does_not_think_may_be_told_not_to(server):
    answer = chat(server, think=False)
    assert answer.message.content == chat(server).message.content and not answer.message.thinking, answer


@check
def texts_are_embedded(server):
    other = Server(sys.argv[1], sys.argv[3])
    try:
        embeddings_are_right(client(other.origin))
    finally:
        other.process.terminate()
        other.process.wait(60)


def embeddings_are_right(embedder):
    texts = ["The cat sits on the mat.", "A kitten rests on a rug.", "Interest rates rose again."]
    answer = embedder.embed(NAME, texts)
    assert [len(vector) for vector in answer.embeddings] == [384] * 3 and answer.prompt_eval_count > 15, answer
    assert answer.total_duration >= answer.load_duration > 0
    near, far = (sum(a * b for a, b in zip(answer.embeddings[0], answer.embeddings[index])) for index in (1, 2))
    assert near > 0.4 > far, (near, far)
    assert embedder.embed(NAME + ":latest", texts[1]).embeddings == [answer.embeddings[1]]
    assert embedder.embeddings(NAME, texts[2]).embedding == answer.embeddings[2]
    short = embedder.embed(NAME, texts[0], dimensions=64).embeddings[0]
    assert len(short) == 64 and abs(sum(value * value for value in short) - 1) < 1e-5
    long = "word " * 5000
    assert len(embedder.embed(NAME, long).embeddings[0]) == 384
    error = refusal(embedder.embed, NAME, [texts[0], long], truncate=False)
    assert error.status_code == 400 and "'input[1]'" in error.error, error
    error = refusal(embedder.embed, NAME, texts, dimensions=385)
    assert error.status_code == 400 and "'dimensions'" in error.error, error
    assert embedder.show(NAME).capabilities == ["embedding"]
    assert NAME in [model.model for model in embedder.list().models]
    assert NAME in [model.model for model in embedder.ps().models]
    error = refusal(embedder.chat, NAME, [{"role": "user", "content": "hi"}])
    assert error.status_code == 400 and "embeddings" in error.error, error


@check
def a_stream_given_up_is_not_computed(server):
    stream = chat(server, stream=True, num_predict=-1)
    next(stream)
    stream.close()
    server.wait_idle()


def client(origin):
    return ollama.Client(host=origin, timeout=120)


if __name__ == "__main__":
    run(CHECKS, client)
