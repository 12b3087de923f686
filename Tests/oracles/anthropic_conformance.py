"""The official `anthropic` client against a live server: what it asks for it gets, and nothing leaks.

    anthropic_conformance.py HEARTH MODEL

Starts `HEARTH serve MODEL` on a free port, runs every check, and prints `N passed, N failed`.
"""

import asyncio
import json
from typing import Literal

import anthropic
import pydantic

from live_server import NAME, run

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def question(**extra):
    messages = [{"role": "user", "content": "Name three colours."}]
    # The client has no arguments for these any more; the API still has them.
    sampling = {key: extra.pop(key) for key in ("temperature", "top_p", "top_k") if key in extra}
    sampling = {"temperature": 0, **sampling}
    return {"model": NAME, "messages": messages, "max_tokens": 24, "extra_body": sampling, **extra}


def ask(server, **extra):
    return server.client.messages.create(**question(**extra))


def refusal(server, kind, **extra):
    try:
        ask(server, **extra)
    except kind as error:
        return error
    raise AssertionError(f"{extra} was accepted")


@check
def models_are_listed(server):
    models = list(server.client.models.list())
    assert NAME in [model.id for model in models], models
    model = server.client.models.retrieve(NAME)
    assert model.type == "model" and model.id == NAME and model.created_at.year > 2000, model
    assert model.max_input_tokens > 1000, model
    try:
        server.client.models.retrieve("nobody")
    except anthropic.NotFoundError as error:
        assert error.body["error"]["type"] == "not_found_error", error
    else:
        raise AssertionError("nobody was found")


@check
def an_answer_has_text_a_reason_and_usage(server):
    answer = ask(server)
    assert answer.type == "message" and answer.role == "assistant" and answer.id.startswith("msg_")
    assert len(answer.content) == 1 and answer.content[0].type == "text" and answer.content[0].text.strip()
    assert answer.stop_reason in ("end_turn", "max_tokens") and answer.stop_sequence is None
    assert 0 < answer.usage.output_tokens <= 24
    assert answer._request_id


@check
def a_stream_says_what_the_whole_answer_says(server):
    for extra in ({}, {"system": "Answer in one word."}, {"max_tokens": 3}, {"temperature": 0, "top_k": 1}):
        whole = ask(server, **extra)
        with server.client.messages.stream(**question(**extra)) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        assert text == whole.content[0].text == final.content[0].text, (text, whole.content[0].text)
        assert final.stop_reason == whole.stop_reason
        assert final.usage.output_tokens == whole.usage.output_tokens


@check
def events_come_in_their_order(server):
    names = [event.type for event in ask(server, stream=True)]
    assert names[:2] == ["message_start", "content_block_start"], names
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"], names
    assert set(names[2:-3]) == {"content_block_delta"}, names


@check
def events_on_the_wire_have_names_and_a_ping(server):
    with server.client.messages.with_streaming_response.create(**question(stream=True)) as response:
        assert response.headers["content-type"].startswith("text/event-stream") and response.headers["request-id"]
        lines = list(response.iter_lines())
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    objects = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert names == [value["type"] for value in objects]
    assert names[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"], names
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"], names
    assert all(line == "" or line.startswith(("event: ", "data: ")) for line in lines)


@check
def instructions_come_as_text_and_as_marked_blocks(server):
    text = ask(server, system="Speak like a sailor.")
    block = {"type": "text", "text": "Speak like a sailor.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert ask(server, system=[block]).content[0].text == text.content[0].text


@check
def an_answer_can_be_sent_back_as_it_came(server):
    first = {"role": "user", "content": "Name three colours. Ünïcode: 日本語 🙂 \u0000 e\u0301"}
    whole = ask(server, messages=[first])
    with server.client.messages.stream(**question(messages=[first])) as stream:
        streamed = stream.get_final_message()
    for content in (whole.content, streamed.content):
        messages = [first, {"role": "assistant", "content": content}, {"role": "user", "content": "And three more."}]
        assert ask(server, messages=messages).content[0].text.strip()


@check
def counted_tokens_are_the_tokens_used(server):
    for number, system in enumerate(["Be brief and honest.", [{"type": "text", "text": "Be long-winded."}]]):
        fresh = [{"role": "user", "content": f"{number} rivers, please. " * 8}]
        count = server.client.messages.count_tokens(model=NAME, messages=fresh, system=system).input_tokens
        usage = ask(server, messages=fresh, system=system, max_tokens=1).usage
        again = ask(server, messages=fresh, system=system, max_tokens=1).usage
        assert count == usage.input_tokens + usage.cache_read_input_tokens, (count, usage)
        assert count == again.input_tokens + again.cache_read_input_tokens, (count, again)
        assert again.cache_read_input_tokens > 0, again
    first = [{"role": "user", "content": "Unheard of before."}]
    count = server.client.messages.count_tokens(model=NAME, messages=first, system="0 never said").input_tokens
    usage = ask(server, messages=first, system="0 never said", max_tokens=1).usage
    assert count == usage.input_tokens + usage.cache_read_input_tokens


@check
def a_conversation_never_seen_costs_what_was_counted(server):
    # Another model's system prompt would be in every conversation's beginning, so this one has its own from the start.
    messages = [{"role": "user", "content": "Zebra."}]
    system = "Xylophone quietly. " * 3
    count = server.client.messages.count_tokens(model=NAME, messages=messages, system=system).input_tokens
    usage = ask(server, messages=messages, system=system, max_tokens=1).usage
    assert usage.cache_read_input_tokens == 0 and usage.input_tokens == count, (count, usage)


@check
def a_stop_sequence_ends_the_answer(server):
    whole = ask(server).content[0].text
    word = whole.split()[1]
    cut = ask(server, stop_sequences=["never said", word])
    assert cut.stop_reason == "stop_sequence" and cut.stop_sequence == word
    assert word not in cut.content[0].text and whole.startswith(cut.content[0].text)
    with server.client.messages.stream(**question(stop_sequences=[word])) as stream:
        final = stream.get_final_message()
    assert final.stop_sequence == word and final.content[0].text == cut.content[0].text


@check
def an_answer_begun_is_gone_on_with(server):
    whole = ask(server).content[0].text
    begun = whole[: whole.index(" ", 8)]
    messages = [{"role": "user", "content": "Name three colours."}, {"role": "assistant", "content": begun}]
    rest = ask(server, messages=messages).content[0].text
    assert (begun + rest).startswith(whole[: len(begun) + 5]), (begun, rest, whole)


@check
def a_limit_beyond_the_context_is_a_bound(server):
    answer = ask(server, max_tokens=10**6, stop_sequences=["\n", ".", ","])
    assert answer.stop_reason in ("stop_sequence", "end_turn", "model_context_window_exceeded"), answer


@check
def errors_have_their_class_and_name_the_field(server):
    search = [{"type": "web_search_20250305", "name": "web_search"}]
    assert "'tools[0].type'" in str(refusal(server, anthropic.BadRequestError, tools=search))
    strange = [{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"format": "nope"}}}}]
    error = str(refusal(server, anthropic.BadRequestError, tools=strange))
    assert "'tools'" in error and "/properties/a/format" in error, error
    unknown = {"type": "tool", "name": "nobody"}
    assert "'tool_choice.name'" in str(refusal(server, anthropic.BadRequestError, tools=TOOLS, tool_choice=unknown))
    schema = {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"format": "nope"}}}}}
    error = str(refusal(server, anthropic.BadRequestError, output_config=schema))
    assert "'output_config.format.schema'" in error and "/properties/a/format" in error, error
    assert "'output_config.effort'" in str(
        refusal(server, anthropic.BadRequestError, output_config={"effort": "low"})
    )
    orphan = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}]
    assert "'messages[0].content[0].tool_use_id'" in str(
        refusal(server, anthropic.BadRequestError, messages=orphan, tools=TOOLS)
    )
    thinking = {"type": "enabled", "budget_tokens": 1024}
    error = refusal(server, anthropic.BadRequestError, thinking=thinking, max_tokens=2048)
    assert "'thinking'" in str(error) and error.body["error"]["type"] == "invalid_request_error"
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    pictures = [{"role": "user", "content": [image]}]
    assert "messages[0].content[0]" in str(refusal(server, anthropic.BadRequestError, messages=pictures))
    assert "'temperature'" in str(refusal(server, anthropic.BadRequestError, temperature=1.5))
    assert refusal(server, anthropic.NotFoundError, model="nobody").body["error"]["type"] == "not_found_error"
    long = [{"role": "user", "content": "word " * 20000}]
    assert "context" in str(refusal(server, anthropic.BadRequestError, messages=long))


TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city.",
        "input_schema": {
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
    {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
]
WEATHER = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]


def input_is_valid(block):
    if block.name == "get_time":
        assert block.input == {}, block
        return
    assert block.name == "get_weather" and set(block.input) <= {"city", "unit", "days"}, block
    assert len(block.input["city"]) <= 30 and block.input["unit"] in ("celsius", "fahrenheit"), block
    assert 1 <= block.input.get("days", 1) <= 14, block


@check
def a_forced_call_is_made_and_valid(server):
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
        for temperature in (0, 1):
            answer = ask(
                server,
                messages=WEATHER,
                tools=TOOLS,
                tool_choice={**choice, "disable_parallel_tool_use": True},
                temperature=temperature,
                max_tokens=300,
            )
            assert answer.stop_reason == "tool_use", answer
            assert [block.type for block in answer.content] == ["tool_use"], answer
            assert answer.content[0].id.startswith("toolu_"), answer
            input_is_valid(answer.content[0])
            assert choice["type"] == "any" or answer.content[0].name == "get_weather", answer


@check
def calls_that_are_not_forced_are_valid_too(server):
    for temperature in (0, 0.4, 0.7, 1):
        answer = ask(server, messages=WEATHER, tools=TOOLS, temperature=temperature, max_tokens=200)
        calls = [block for block in answer.content if block.type == "tool_use"]
        assert answer.stop_reason != "tool_use" or calls, answer
        if answer.stop_reason == "tool_use":
            for call in calls:
                input_is_valid(call)
    silent = ask(server, messages=WEATHER, tools=TOOLS, tool_choice={"type": "none"})
    assert silent.content == ask(server, messages=WEATHER).content


@check
def streamed_calls_are_the_unstreamed_ones(server):
    for extra in (
        {"tool_choice": {"type": "any"}},
        {"tool_choice": {"type": "any"}, "max_tokens": 30},
        {"tool_choice": {"type": "auto"}, "system": "Call get_weather for every city."},
    ):
        body = question(**{"messages": WEATHER, "tools": TOOLS, "max_tokens": 300, **extra})
        whole = server.client.messages.create(**body)
        pieces, events = {}, []
        with server.client.messages.stream(**body) as stream:
            for event in stream:
                events.append(event.type)
                if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                    pieces[event.index] = pieces.get(event.index, "") + event.delta.partial_json
            final = stream.get_final_message()
        shape = lambda message: [
            (block.type, block.name, block.input) if block.type == "tool_use" else (block.type, block.text)
            for block in message.content
        ]
        assert shape(final) == shape(whole), (final, whole)
        assert final.stop_reason == whole.stop_reason and final.usage.output_tokens == whole.usage.output_tokens
        assert events.count("content_block_start") == events.count("content_block_stop") == len(whole.content)
        if whole.stop_reason == "tool_use":
            for index, text in pieces.items():
                assert json.loads(text) == whole.content[index].input, (text, whole)


@check
def a_call_and_its_result_go_back_to_the_model(server):
    once = {"type": "any", "disable_parallel_tool_use": True}
    call = ask(server, messages=WEATHER, tools=TOOLS, tool_choice=once, max_tokens=300)
    block = call.content[0]
    blocks = [{"type": "text", "text": "18 degrees"}, {"type": "text", "text": "sunny"}]
    for content in ("18 degrees and sunny", blocks):
        result = {"type": "tool_result", "tool_use_id": block.id, "content": content}
        messages = [*WEATHER, {"role": "assistant", "content": call.content}, {"role": "user", "content": [result]}]
        answer = ask(server, messages=messages, tools=TOOLS, tool_choice={"type": "none"})
        assert answer.stop_reason in ("end_turn", "max_tokens") and answer.content[0].text, answer
        count = server.client.messages.count_tokens(
            model=NAME, messages=messages, tools=TOOLS, tool_choice={"type": "none"}
        ).input_tokens
        assert count == answer.usage.input_tokens + answer.usage.cache_read_input_tokens, (count, answer.usage)
    failed = {"type": "tool_result", "tool_use_id": block.id, "content": "no such city", "is_error": True}
    said = [{"type": "text", "text": "Then tell me the time."}]
    messages = [*WEATHER, {"role": "assistant", "content": call.content}, {"role": "user", "content": [failed, *said]}]
    assert ask(server, messages=messages, tools=TOOLS, tool_choice=once, max_tokens=300).stop_reason == "tool_use"
    tools = server.client.messages.count_tokens(model=NAME, messages=WEATHER, tools=TOOLS).input_tokens
    assert tools > server.client.messages.count_tokens(model=NAME, messages=WEATHER).input_tokens + 50


@check
def the_clients_own_loop_calls_functions(server):
    called = []

    @anthropic.beta_tool
    def get_weather(city: str, days: int) -> str:
        """The weather of a city.

        Args:
            city: The city's name.
            days: Days to look ahead.
        """
        called.append((city, days))
        return f"18 degrees in {city}"

    once = {"type": "any", "disable_parallel_tool_use": True}
    for stream in (False, True):
        # It asks for a conversation that the server holds, and does without when told that there is none.
        runner = server.client.beta.messages.tool_runner(
            model=NAME,
            max_tokens=300,
            tools=[get_weather],
            tool_choice=once,
            messages=WEATHER,
            max_iterations=2,
            stream=stream,
            extra_body={"temperature": 0},
        )
        answers = [message.get_final_message() if stream else message for message in runner]
        assert [answer.stop_reason for answer in answers] == ["tool_use"] * 2, answers
    assert len(called) >= 2 and all(isinstance(days, int) for _, days in called), called


class Person(pydantic.BaseModel):
    """Without bounds on lengths: the client takes them out of the schema."""

    name: Literal["Ada", "Ada Lovelace"]
    born: int
    field: Literal["math", "poetry", "music"]
    is_alive: bool


@check
def structured_answers_are_of_their_schema(server):
    messages = [{"role": "user", "content": "Tell me about Ada Lovelace."}]
    for temperature in (0, 1):
        body = question(messages=messages, max_tokens=400, temperature=temperature)
        parsed = server.client.messages.parse(**body, output_format=Person)
        assert parsed.stop_reason == "end_turn" and isinstance(parsed.parsed_output, Person), parsed
    body = question(messages=messages, max_tokens=400)
    whole = server.client.messages.parse(**body, output_format=Person)
    with server.client.messages.stream(**body, output_format=Person) as stream:
        final = stream.get_final_message()
    assert final.parsed_output == whole.parsed_output and final.content[0].text == whole.content[0].text
    again = [*messages, {"role": "assistant", "content": whole.content}, {"role": "user", "content": "Thanks."}]
    assert ask(server, messages=again).content[0].text
    # What the client cannot put into a schema of its own comes as it stands.
    schema = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
    answer = ask(server, output_config={"format": {"type": "json_schema", "schema": schema}}, max_tokens=100)
    assert json.loads(answer.content[0].text)["colour"] in ("red", "blue"), answer


@check
def a_model_that_does_not_think_may_be_told_not_to(server):
    plain = ask(server)
    for thinking in ({"type": "disabled"}, {"type": "adaptive"}, {"type": "adaptive", "display": "omitted"}):
        assert ask(server, thinking=thinking).content == plain.content
    assert ask(server, output_config={"effort": "high"}).content == plain.content


@check
def many_at_once_and_half_of_them_cancelled(server):
    asyncio.run(crowd(server))
    server.wait_idle()


async def crowd(server):
    async with anthropic.AsyncAnthropic(base_url=server.origin, api_key="none", max_retries=0, timeout=240) as client:
        results = await asyncio.gather(*(visitor(client, number) for number in range(16)))
    assert results.count("whole") == 8 and results.count("cancelled") == 8, results


async def visitor(client, number):
    messages = [{"role": "user", "content": f"Write a story about the number {number}."}]
    stream = await client.messages.create(model=NAME, messages=messages, stream=True, max_tokens=32)
    seen = 0
    async for event in stream:
        seen += event.type == "content_block_delta"
        if number % 2 and seen > number % 7:
            await stream.close()
            return "cancelled"
    return "whole" if event.type == "message_stop" else f"broken: {event}"


def client(origin):
    return anthropic.Anthropic(base_url=origin, api_key="none", max_retries=0, timeout=120)


if __name__ == "__main__":
    run(CHECKS, client)
