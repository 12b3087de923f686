"""The official `openai` client against a live server: what it asks for it gets, and nothing leaks.

    openai_conformance.py HEARTH MODEL

Starts `HEARTH serve MODEL` on a free port, runs every check, stops the server with SIGTERM while a stream is running,
and prints `N passed, N failed`.
"""

import asyncio
import json
import re
import signal
import sys
import threading
import time
import urllib.request
from typing import Literal

import openai
import pydantic

from live_server import NAME, Server, run

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def ask(server, **extra):
    question = {"model": NAME, "messages": [{"role": "user", "content": "Name three colours."}], "temperature": 0}
    return server.client.chat.completions.create(**{**question, "max_tokens": 24, **extra})


@check
def models_are_listed(server):
    names = [model.id for model in server.client.models.list()]
    assert NAME in names, names
    assert server.client.models.retrieve(NAME).id == NAME


@check
def an_answer_has_text_a_reason_and_usage(server):
    answer = ask(server)
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    assert answer.choices[0].message.role == "assistant" and answer.choices[0].message.content.strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id


@check
def a_stream_says_what_the_whole_answer_says(server):
    whole = ask(server)
    stream = list(ask(server, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert stream[0].choices[0].delta.role == "assistant"
    assert stream[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert [chunk.choices[0].finish_reason for chunk in stream if chunk.choices][-1] == whole.choices[0].finish_reason


@check
def a_repeated_prompt_comes_from_the_cache(server):
    long = [{"role": "user", "content": "Tell me about rivers. " * 60}]
    ask(server, messages=long, max_tokens=1)
    details = ask(server, messages=long, max_tokens=1).usage.prompt_tokens_details
    assert details.cached_tokens > 100, details


@check
def choices_and_seeds(server):
    one = ask(server, n=3, temperature=1.0, seed=5)
    two = ask(server, n=3, temperature=1.0, seed=5)
    texts = [[choice.message.content for choice in answer.choices] for answer in (one, two)]
    assert texts[0] == texts[1] and len(texts[0]) == 3 and len(set(texts[0])) > 1, texts
    assert [choice.index for choice in one.choices] == [0, 1, 2]


@check
def logprobs_have_alternatives(server):
    content = ask(server, logprobs=True, top_logprobs=4, max_tokens=5).choices[0].logprobs.content
    assert len(content) >= 1
    for entry in content:
        assert len(entry.top_logprobs) == 4 and entry.logprob <= 0
        assert entry.logprob == max(item.logprob for item in entry.top_logprobs)
        assert bytes(entry.bytes).decode(errors="replace") == entry.token


@check
def a_stop_string_ends_the_answer(server):
    whole = ask(server, max_tokens=24).choices[0].message.content
    word = whole.split()[1]
    cut = ask(server, stop=[word], max_tokens=24).choices[0]
    assert cut.finish_reason == "stop" and word not in cut.message.content
    assert whole.startswith(cut.message.content)


@check
def completions_take_text_lists_and_tokens(server):
    create = lambda prompt, **extra: server.client.completions.create(
        model=NAME, prompt=prompt, max_tokens=6, temperature=0, **extra
    )
    single = create("The capital of France is")
    several = create(["The capital of France is", "One two three"])
    assert len(several.choices) == 2 and several.choices[0].text == single.choices[0].text
    body = json.dumps({"model": NAME, "prompt": "The capital of France is"}).encode()
    request = urllib.request.Request(server.origin + "/tokenize", body, {"Content-Type": "application/json"})
    tokens = json.load(urllib.request.urlopen(request))["tokens"]
    assert create(tokens).choices[0].text == single.choices[0].text
    echoed = create("The capital of France is", echo=True, logprobs=1)
    assert echoed.choices[0].text == "The capital of France is" + single.choices[0].text
    assert echoed.choices[0].logprobs.token_logprobs[0] is None


@check
def errors_have_their_status_and_parameter(server):
    def error_of(kind, **extra):
        try:
            ask(server, **extra)
        except kind as error:
            return error
        raise AssertionError(f"{extra} was accepted")

    assert error_of(openai.NotFoundError, model="nobody").code == "model_not_found"
    assert error_of(openai.BadRequestError, temperature=9).param == "temperature"
    nameless = [{"type": "function", "function": {"description": "no name"}}]
    assert error_of(openai.BadRequestError, tools=nameless).param == "tools[0].function.name"
    long = [{"role": "user", "content": "word " * 20000}]
    assert error_of(openai.BadRequestError, messages=long).code == "context_length_exceeded"
    assert error_of(openai.BadRequestError, max_tokens=10**7).code == "context_length_exceeded"


FUNCTIONS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "maxLength": 30},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                    "days": {"type": "integer", "minimum": 1, "maximum": 14},
                },
                "required": ["city", "unit"],
                "additionalProperties": False,
            },
        },
    },
    {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}},
]


def arguments_are_valid(call):
    arguments = json.loads(call.function.arguments)
    if call.function.name == "get_time":
        assert arguments == {}, arguments
        return
    assert call.function.name == "get_weather", call
    assert set(arguments) <= {"city", "unit", "days"} and {"city", "unit"} <= set(arguments), arguments
    assert len(arguments["city"]) <= 30 and arguments["unit"] in ("celsius", "fahrenheit"), arguments
    assert 1 <= arguments.get("days", 1) <= 14, arguments


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=40)
    born: int = pydantic.Field(ge=1000, le=2100)
    fields: list[Literal["math", "poetry", "music"]] = pydantic.Field(max_length=2)


@check
def structured_answers_are_of_their_schema(server):
    messages = [{"role": "user", "content": "Tell me about Ada Lovelace."}]
    for temperature in (0, 1.5):
        parsed = server.client.chat.completions.parse(
            model=NAME,
            messages=messages,
            response_format=Person,
            temperature=temperature,
            seed=5,
            max_tokens=300,
            n=2,
            logprobs=True,
        )
        for choice in parsed.choices:
            assert choice.finish_reason == "stop" and isinstance(choice.message.parsed, Person), choice
            assert "".join(entry.token for entry in choice.logprobs.content).startswith("{"), choice.logprobs
    text = ask(server, response_format={"type": "json_object"}, max_tokens=400, temperature=0.7, seed=2).choices[0]
    assert text.finish_reason == "length" or isinstance(json.loads(text.message.content), dict), text

    def said(**body):
        return ask(server, extra_body=body, temperature=1.5, seed=3).choices[0].message.content

    assert said(structured_outputs={"choice": ["yes", "no"]}) in ("yes", "no")
    phone = said(guided_regex=r"\([0-9]{3}\) [0-9]{4}")
    assert re.fullmatch(r"\([0-9]{3}\) [0-9]{4}", phone), phone
    listed = said(grammar='root ::= item ("," item)*\nitem ::= "a" | "b"')
    assert re.fullmatch(r"[ab](,[ab])*,?", listed), listed


@check
def structures_and_calls_are_the_same_without_speculation(server):
    """With several answers and log probabilities: guessed tokens are kept to the structure as drawn ones are."""
    items = {"type": "array", "minItems": 4, "maxItems": 4, "items": Person.model_json_schema() | {"additionalProperties": False}}
    shape = {"type": "json_schema", "json_schema": {"name": "people", "schema": items}}
    bodies = [
        {"response_format": shape, "temperature": 0, "n": 2, "logprobs": True, "top_logprobs": 2, "max_tokens": 500},
        {"response_format": shape, "temperature": 1, "seed": 4, "n": 2, "logprobs": True, "max_tokens": 500},
        {"tools": FUNCTIONS, "tool_choice": "required", "temperature": 1, "seed": 4, "max_tokens": 300},
    ]
    plain = Server(sys.argv[1], sys.argv[2], arguments=("--speculation", "off"))
    try:
        plain.client = client(plain.origin)
        for body in bodies:
            found, wanted = ([choice.model_dump() for choice in ask(one, **body).choices] for one in (server, plain))
            for choice in [*found, *wanted]:
                for call in choice["message"]["tool_calls"] or []:
                    call.pop("id")
            assert found == wanted, (found, wanted)
    finally:
        plain.process.terminate()
        plain.process.wait(60)
    assert server.metric("vllm:spec_decode_num_accepted_tokens_total") > 0, "nothing was guessed"


@check
def a_schema_that_cannot_be_followed_is_refused(server):
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": "nope"}}}
    try:
        ask(server, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    except openai.BadRequestError as error:
        assert error.param == "response_format.json_schema.schema" and "/properties/a/format" in error.message, error
    else:
        raise AssertionError("was accepted")


@check
def calls_always_parse_and_are_valid(server):
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]

    def call(**extra):
        question = {"model": NAME, "messages": messages, "tools": FUNCTIONS, "max_tokens": 300}
        return server.client.chat.completions.create(**question, **extra)

    named = {"type": "function", "function": {"name": "get_weather"}}
    for choice in ("required", named):
        for temperature in (0, 1.0, 2.0):
            answer = call(tool_choice=choice, temperature=temperature, seed=4, parallel_tool_calls=False).choices[0]
            assert answer.finish_reason == "tool_calls" and answer.message.content is None, answer
            assert len(answer.message.tool_calls) == 1, answer
            arguments_are_valid(answer.message.tool_calls[0])
            assert choice == "required" or answer.message.tool_calls[0].function.name == "get_weather"
    for seed in range(4):
        answer = call(temperature=1.0, seed=seed).choices[0]
        for tool_call in answer.message.tool_calls or []:
            if answer.finish_reason == "tool_calls":
                arguments_are_valid(tool_call)


@check
def streamed_calls_are_the_unstreamed_ones(server):
    messages = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]
    body = dict(model=NAME, messages=messages, tools=FUNCTIONS, tool_choice="required", temperature=0, max_tokens=300)
    whole = server.client.chat.completions.create(**body).choices[0]
    calls, finish = [], None
    for chunk in server.client.chat.completions.create(**body, stream=True):
        choice = chunk.choices[0]
        finish = choice.finish_reason or finish
        for delta in choice.delta.tool_calls or []:
            if delta.id:
                assert delta.index == len(calls), delta
                calls.append([delta.function.name, ""])
            calls[delta.index][1] += delta.function.arguments or ""
    assert finish == whole.finish_reason, (finish, whole)
    assert calls == [[c.function.name, c.function.arguments] for c in whole.message.tool_calls], (calls, whole)


@check
def results_go_back_to_the_model(server):
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Paris", "unit": "celsius"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees and sunny"},
    ]
    answer = server.client.chat.completions.create(
        model=NAME, messages=messages, tools=FUNCTIONS, tool_choice="none", temperature=0, max_tokens=60
    ).choices[0]
    assert answer.message.content and not answer.message.tool_calls, answer
    assert answer.finish_reason in ("stop", "length"), answer


@check
def sixty_four_at_once_and_half_of_them_cancelled(server):
    asyncio.run(crowd(server))
    server.wait_idle()


async def crowd(server):
    async with openai.AsyncOpenAI(base_url=server.origin + "/v1", api_key="none", max_retries=0, timeout=240) as client:
        results = await asyncio.gather(*(visitor(client, number) for number in range(64)))
    assert results.count("whole") == 32 and results.count("cancelled") == 32, results


async def visitor(client, number):
    messages = [{"role": "user", "content": f"Write a story about the number {number}."}]
    stream = await client.chat.completions.create(
        model=NAME, messages=messages, stream=True, max_tokens=48, temperature=0.8, seed=number
    )
    seen, reason = 0, None
    async for chunk in stream:
        seen += 1
        reason = chunk.choices[0].finish_reason or reason
        if number % 2 and seen > number % 7:
            await stream.close()
            return "cancelled"
    return "whole" if reason in ("stop", "length") else f"broken: {reason}"


@check
def a_stop_is_graceful(server):
    """Last: a stream that runs when SIGTERM comes ends as it should, while newcomers get 503."""
    lines, refused = [], []

    def follow():
        for chunk in ask(server, stream=True, max_tokens=150, extra_body={"ignore_eos": True}):
            lines.append(chunk)

    reader = threading.Thread(target=follow)
    reader.start()
    while not lines:
        time.sleep(0.01)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    try:
        ask(server, max_tokens=1)
    except openai.APIStatusError as error:
        refused.append(error.status_code)
    reader.join(60)
    assert lines[-1].choices[0].finish_reason == "length", lines[-1]
    assert refused == [503], refused
    assert server.process.wait(30) == 0


def client(origin):
    return openai.OpenAI(base_url=origin + "/v1", api_key="none", max_retries=0, timeout=120)


if __name__ == "__main__":
    run(CHECKS, client)
