"""The official `openai` client's Responses API against a live server, across a restart.

    responses_conformance.py HEARTH MODEL

Starts `HEARTH serve MODEL` with a storage of its own, runs every check, and prints `N passed, N failed`.
"""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import time

import openai
import pydantic

from live_server import NAME, run

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def ask(server, input="Name three colours.", **extra):
    return server.client.responses.create(
        **{"model": NAME, "input": input, "temperature": 0, "max_output_tokens": 24, **extra}
    )


def error_of(kind, call, *arguments, **extra):
    try:
        call(*arguments, **extra)
    except kind as error:
        return error
    raise AssertionError(f"{arguments} {extra} was accepted")


@check
def a_response_is_the_chats_answer(server):
    response = ask(server)
    assert response.object == "response" and response.id.startswith("resp_") and response.error is None
    assert response.status in ("completed", "incomplete") and response.output[0].type == "message"
    chat = server.client.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": "Name three colours."}], temperature=0, max_tokens=24
    )
    assert response.output_text == chat.choices[0].message.content, (response.output_text, chat)
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.output_tokens == chat.usage.completion_tokens
    assert response.usage.total_tokens == chat.usage.total_tokens
    assert response.usage.input_tokens_details.cached_tokens >= 0
    assert response.usage.output_tokens_details.reasoning_tokens == 0
    assert (response.status == "incomplete") == (chat.choices[0].finish_reason == "length")


@check
def settings_are_repeated(server):
    response = ask(server, instructions="Be brief.", metadata={"a": "b"}, top_p=0.5, user="u", truncation="auto")
    assert response.instructions == "Be brief." and response.metadata == {"a": "b"} and response.top_p == 0.5
    assert response.user == "u" and response.temperature == 0 and response.max_output_tokens == 24
    assert response.truncation == "auto" and response.tool_choice == "auto" and response.parallel_tool_calls is True
    assert response.text.format.type == "text" and response.model == NAME and response.background is False


def untold(response):
    """What a stream's last response and a whole one have in common."""
    value = response.model_dump()
    for key in ("id", "created_at", "completed_at", "usage"):
        value[key] = None
    for item in value["output"]:
        item["id"] = item["call_id"] = None
    return value


def check_events(events):
    """The order of events, their numbers and places; the deltas add up to what is told as done."""
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[0].response.status == "in_progress" and events[0].response.output == []
    last = events[-1]
    assert last.type == "response." + last.response.status, last
    items, text = [], ""
    for event in events[2:-1]:
        if event.type == "response.output_item.added":
            assert event.output_index == len(items) and event.item.status == "in_progress", event
            items.append(event.item.id)
            text = ""
        elif event.type == "response.output_item.done":
            assert event.item == last.response.output[event.output_index], (event, last)
        else:
            assert event.item_id == items[-1] and event.output_index == len(items) - 1, event
            if event.type.endswith(".delta"):
                text += event.delta
            elif event.type == "response.function_call_arguments.done":
                assert event.arguments == text, (event, text)
            elif event.type.endswith("_text.done"):
                assert event.text == text, (event, text)
    assert items == [item.id for item in last.response.output], (items, last)


@check
def a_stream_says_what_the_whole_response_says(server):
    for extra in ({}, {"max_output_tokens": 3}, {"include": ["message.output_text.logprobs"], "top_logprobs": 2}):
        whole = ask(server, **extra)
        events = list(ask(server, stream=True, **extra))
        check_events(events)
        assert untold(events[-1].response) == untold(whole), (events[-1], whole)
        deltas = [event for event in events if event.type == "response.output_text.delta"]
        assert "".join(event.delta for event in deltas) == whole.output_text
        logprobs = whole.output[0].content[0].logprobs
        assert sum(len(event.logprobs) for event in deltas) == len(logprobs)
        assert (len(logprobs) > 0) == ("include" in extra)
        assert server.client.responses.retrieve(events[-1].response.id) == events[-1].response
    with server.client.responses.stream(model=NAME, input="Hello!", max_output_tokens=200, temperature=0) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text


TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "The weather of a city.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 30},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
    {"type": "function", "name": "get_time", "strict": False, "parameters": {"type": "object", "properties": {}}},
]


def weather(call):
    arguments = json.loads(call.arguments)
    assert call.name == "get_weather" and set(arguments) == {"city", "unit"}, call
    assert arguments["unit"] in ("celsius", "fahrenheit") and len(arguments["city"]) <= 30, call
    return call


@check
def a_call_goes_out_and_its_result_comes_back(server):
    named = {"type": "function", "name": "get_weather"}
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [named]}
    body = dict(tools=TOOLS, max_output_tokens=200, parallel_tool_calls=False)
    for choice in (named, allowed):
        for temperature in (0, 2.0):
            response = ask(server, "How is the weather in Paris?", tool_choice=choice, temperature=temperature, **body)
            assert [item.type for item in response.output] == ["function_call"], response
            weather(response.output[0])
    whole = ask(server, "How is the weather in Paris?", tool_choice="required", **body)
    events = list(ask(server, "How is the weather in Paris?", tool_choice="required", stream=True, **body))
    check_events(events)
    assert events[-1].response.output[0].arguments == whole.output[0].arguments
    call = response.output[0]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees and sunny"}
    stored = ask(server, [result], previous_response_id=response.id, tools=TOOLS, tool_choice="none")
    assert stored.output_text, stored
    # The same conversation, sent back by the client as the documentation shows it.
    history = [{"role": "user", "content": "How is the weather in Paris?"}, *response.output, result]
    sent = ask(server, history, tools=TOOLS, tool_choice="none", store=False)
    assert sent.output_text == stored.output_text and sent.usage.input_tokens == stored.usage.input_tokens
    assert "function_call" not in [item.type for item in sent.output]


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=40)
    born: int = pydantic.Field(ge=1000, le=2100)


@check
def structured_text_is_parsed(server):
    parsed = server.client.responses.parse(
        model=NAME, input="Tell me about Ada Lovelace.", text_format=Person, temperature=1.5, max_output_tokens=300
    )
    assert isinstance(parsed.output_parsed, Person), parsed
    response = ask(server, text={"format": {"type": "json_object"}}, max_output_tokens=400)
    assert response.status == "incomplete" or isinstance(json.loads(response.output_text), dict), response
    with server.client.responses.stream(
        model=NAME, input="Tell me about Ada Lovelace.", text_format=Person, max_output_tokens=300
    ) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Person)


@check
def a_conversation_is_remembered(server):
    first = ask(server, "My name is Ada.", instructions="Answer in French.")
    second = ask(server, "What is my name?", previous_response_id=first.id)
    assert second.previous_response_id == first.id and second.instructions is None
    sent = ask(
        server,
        [
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": "What is my name?"},
        ],
        store=False,
    )
    assert (second.output_text, second.usage.input_tokens) == (sent.output_text, sent.usage.input_tokens)
    items = list(server.client.responses.input_items.list(second.id, order="asc", limit=1))
    assert [item.content[0].text for item in items] == ["My name is Ada.", first.output_text, "What is my name?"]
    newest = server.client.responses.input_items.list(second.id, limit=2)
    assert [item.id for item in newest.data] == [items[2].id, items[1].id] and newest.has_more
    named = ask(server, [{"type": "item_reference", "id": items[0].id}, {"role": "user", "content": "Who am I?"}])
    assert named.usage.input_tokens < sent.usage.input_tokens
    counted = server.client.responses.input_tokens.count(
        model=NAME, input="What is my name?", previous_response_id=first.id
    )
    assert counted.input_tokens == second.usage.input_tokens


@check
def responses_are_forgotten_on_request(server):
    response = ask(server, max_output_tokens=2)
    assert server.client.responses.retrieve(response.id) == response
    server.client.responses.delete(response.id)
    gone = error_of(openai.NotFoundError, server.client.responses.retrieve, response.id)
    assert response.id in gone.message, gone
    error_of(openai.NotFoundError, server.client.responses.delete, response.id)
    error_of(openai.NotFoundError, server.client.responses.input_items.list, response.id)
    lost = error_of(openai.BadRequestError, ask, server, previous_response_id=response.id)
    assert (lost.code, lost.param) == ("previous_response_not_found", "previous_response_id"), lost
    unstored = ask(server, max_output_tokens=2, store=False)
    error_of(openai.NotFoundError, server.client.responses.retrieve, unstored.id)


@check
def errors_name_the_parameter(server):
    def parameter(**extra):
        return error_of(openai.BadRequestError, ask, server, **extra).param

    assert error_of(openai.NotFoundError, ask, server, model="nobody").code == "model_not_found"
    assert parameter(temperature=9) == "temperature"
    assert parameter(tools=[{"type": "web_search"}]) == "tools[0].type"
    assert parameter(input=[{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]) == "input[0].content[0]"
    assert parameter(input=[{"role": "user"}]) == "input[0].content"
    assert parameter(input="word " * 20000) == "input"
    assert parameter(conversation="conv_1") == "conversation"
    assert parameter(text={"verbosity": "high"}) == "text.verbosity"
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": "nope"}}}
    assert parameter(text={"format": {"type": "json_schema", "name": "x", "schema": schema}}) == "text.format.schema"
    assert parameter(metadata={"a": "x" * 600}) == "metadata.a"
    assert parameter(extra_body={"messages": []}) == "messages"


@check
def the_oldest_turns_go_where_that_is_asked_for(server):
    turns = [{"role": "user", "content": f"Turn {number}. " + "word " * 500} for number in range(30)]
    error = error_of(openai.BadRequestError, ask, server, turns)
    assert error.code == "context_length_exceeded" and error.param == "input", error
    fitted = ask(server, turns, truncation="auto", max_output_tokens=4)
    assert 6000 < fitted.usage.input_tokens < 8192, fitted.usage


@check
def background_responses_are_polled_and_cancelled(server):
    response = ask(server, background=True)
    assert response.background is True and response.status == "in_progress", response
    while (polled := server.client.responses.retrieve(response.id)).status in ("queued", "in_progress"):
        time.sleep(0.02)
    assert polled.output_text == ask(server).output_text, polled
    slow = ask(server, background=True, max_output_tokens=5000, extra_body={"ignore_eos": True})
    cancelled = server.client.responses.cancel(slow.id)
    assert cancelled.status == "cancelled" and server.client.responses.cancel(slow.id) == cancelled, cancelled
    server.wait_idle()
    refused = error_of(openai.BadRequestError, server.client.responses.cancel, ask(server, max_output_tokens=1).id)
    assert refused.param == "id", refused


@check
def a_client_that_goes_leaves_nothing(server):
    stream = ask(server, stream=True, max_output_tokens=5000, extra_body={"ignore_eos": True})
    identifier = next(stream).response.id
    next(stream)
    stream.close()
    server.wait_idle()
    error_of(openai.NotFoundError, server.client.responses.retrieve, identifier)


@check
def many_at_once(server):
    async def crowd():
        async with openai.AsyncOpenAI(base_url=server.origin + "/v1", api_key="none", timeout=240) as client:
            async def visitor(number):
                body = dict(model=NAME, temperature=0.8, max_output_tokens=8)
                first = await client.responses.create(input=f"I am number {number}.", **body)
                stream = await client.responses.create(
                    input="Who am I?", previous_response_id=first.id, stream=True, **body
                )
                events = [event async for event in stream]
                check_events(events)
                listed = await client.responses.input_items.list(events[-1].response.id, order="asc")
                return listed.data[0].content[0].text == f"I am number {number}."

            assert all(await asyncio.gather(*(visitor(number) for number in range(32))))

    asyncio.run(crowd())
    server.wait_idle()


@check
def responses_survive_a_restart(server):
    first = ask(server, "My name is Ada.")
    expected = ask(server, "What is my name?", previous_response_id=first.id)
    running = ask(server, background=True, max_output_tokens=5000, extra_body={"ignore_eos": True})
    server.process.kill()
    server.process.wait(10)
    server.start()
    assert server.client.responses.retrieve(first.id) == first
    again = ask(server, "What is my name?", previous_response_id=first.id)
    assert again.output_text == expected.output_text, (again, expected)
    lost = server.client.responses.retrieve(running.id)
    assert lost.status == "failed" and lost.error.code == "server_error", lost
    server.restart()
    assert server.client.responses.retrieve(again.id) == again


@check
def a_storage_that_cannot_be_used_is_told(server):
    """Last: what a damaged, unwritable or missing storage means for a server that starts."""

    def refusal(place):
        command = [*server.command[:-1], place]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode not in (0, None) and ended.returncode > 0, ended
        return ended.stderr

    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    # The last to close it writes what stands in the log beside it into the file, so that the damage is seen.
    with contextlib.closing(sqlite3.connect(PLACE)) as database:
        assert database.execute("SELECT COUNT(*) FROM record").fetchone()[0] > 30
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert os.stat(PLACE).st_mode & 0o777 == 0o600
    with open(PLACE, "r+b") as file:
        file.write(b"x" * 4096)
    assert "damaged" in refusal(PLACE) and "cannot be opened or written" in refusal("/proc/storage.sqlite")
    server.command[-1] = "off"
    server.start()
    unstored = ask(server, max_output_tokens=2)
    error_of(openai.NotFoundError, server.client.responses.retrieve, unstored.id)
    assert error_of(openai.BadRequestError, ask, server, store=True).param == "store"
    assert error_of(openai.BadRequestError, ask, server, background=True).param == "background"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PLACE = os.path.join(folder, "new", "storage.sqlite")
        run(CHECKS, lambda origin: openai.OpenAI(base_url=origin + "/v1", api_key="none", max_retries=0), PLACE)
