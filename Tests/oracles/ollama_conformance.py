"""The official `ollama` client against a live server: what it asks for it gets, and nothing leaks.

    ollama_conformance.py HEARTH MODEL

Starts `HEARTH serve MODEL` on a free port, runs every check, and prints `N passed, N failed`.
"""

import ollama

from live_server import NAME, run

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
    assert shown.modelinfo["llama.context_length"] > 1000 and "completion" in shown.capabilities, shown
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
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    for field, extra in (
        ("'tools'", {"tools": [tool]}),
        ("'format'", {"format": "json"}),
        ("'think'", {"think": True}),
        ("'options.temperature'", {"temperature": 9.5}),
        ("'options.num_ctx'", {"num_ctx": 10**8}),
    ):
        error = refusal(chat, server, **extra)
        assert error.status_code == 400 and field in error.error, error
    error = refusal(server.client.embed, NAME, "a")
    assert error.status_code == 501 and "embeddings" in error.error, error
    assert refusal(server.client.pull, NAME).status_code == 501
    error = refusal(server.client.generate, NAME, "a", template="{{ .Prompt }}")
    assert error.status_code == 400 and "'template'" in error.error, error
    pictures = [{"role": "user", "content": "a", "images": ["AAAA"]}]
    error = refusal(chat, server, messages=pictures)
    assert error.status_code == 400 and "messages[0].images" in error.error, error


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
