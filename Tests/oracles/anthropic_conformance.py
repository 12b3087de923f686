"""The official `anthropic` client against a live server: what it asks for it gets, and nothing leaks.

    anthropic_conformance.py HEARTH MODEL

Starts `HEARTH serve MODEL` on a free port, runs every check, and prints `N passed, N failed`.
"""

import asyncio
import json

import anthropic

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
    tools = [{"name": "f", "description": "f", "input_schema": {"type": "object"}}]
    assert "'tools'" in str(refusal(server, anthropic.BadRequestError, tools=tools))
    thinking = {"type": "enabled", "budget_tokens": 1024}
    error = refusal(server, anthropic.BadRequestError, thinking=thinking)
    assert "'thinking'" in str(error) and error.body["error"]["type"] == "invalid_request_error"
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    pictures = [{"role": "user", "content": [image]}]
    assert "messages[0].content[0]" in str(refusal(server, anthropic.BadRequestError, messages=pictures))
    assert "'temperature'" in str(refusal(server, anthropic.BadRequestError, temperature=1.5))
    assert refusal(server, anthropic.NotFoundError, model="nobody").body["error"]["type"] == "not_found_error"
    long = [{"role": "user", "content": "word " * 20000}]
    assert "context" in str(refusal(server, anthropic.BadRequestError, messages=long))


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
