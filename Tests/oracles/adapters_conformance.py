"""Adapters on a live server under the official `openai` client: variants are themselves, and leave their base alone.

    adapters_conformance.py HEARTH MODEL

Writes random adapters for the default model as PEFT would save them, starts `HEARTH serve MODEL` with them, runs every check, and
prints `N passed, N failed`.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy as np
import openai

from live_server import NAME, run

CHECKS = []
LAYERS, WIDTH, KEYS, FEED_FORWARD = 30, 576, 192, 1536
SHAPES = {
    "self_attn.q_proj": (WIDTH, WIDTH), "self_attn.k_proj": (KEYS, WIDTH), "self_attn.v_proj": (KEYS, WIDTH),
    "self_attn.o_proj": (WIDTH, WIDTH), "mlp.gate_proj": (FEED_FORWARD, WIDTH), "mlp.up_proj": (FEED_FORWARD, WIDTH),
    "mlp.down_proj": (WIDTH, FEED_FORWARD),
}  # fmt: skip


def check(function):
    CHECKS.append(function)
    return function


def write_adapter(path, seed, rank, strength, shapes=None):
    random = np.random.default_rng(seed)
    header, data = {}, bytearray()
    for layer in range(LAYERS):
        for name, (outputs, inputs) in (shapes or SHAPES).items():
            a = random.standard_normal((rank, inputs)) / np.sqrt(inputs)
            b = random.standard_normal((outputs, rank)) * strength
            for letter, values in (("A", a), ("B", b)):
                raw = values.astype("<f2").tobytes()
                header[f"base_model.model.model.layers.{layer}.{name}.lora_{letter}.weight"] = {
                    "dtype": "F16", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)],
                }  # fmt: skip
                data += raw
    path.mkdir()
    text = json.dumps(header).encode()
    (path / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(data))
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": list(shapes or SHAPES)}
    (path / "adapter_config.json").write_text(json.dumps(config))
    return path


def ask(server, model, question="Name three colours.", **extra):
    messages = [{"role": "user", "content": question}]
    return server.client.chat.completions.create(
        model=model, messages=messages, **{"temperature": 0, "max_tokens": 24, **extra}
    )


def said(server, model, question="Name three colours.", **extra):
    return ask(server, model, question, **extra).choices[0].message.content


@check
def variants_are_listed_under_their_base(server):
    models = {model.id: model for model in server.client.models.list()}
    base = next(iter(models))
    for name in ("one", "two", "nothing"):
        assert models[f"{base}:{name}"].model_extra["parent"] == base, models
    assert server.client.models.retrieve(f"{NAME}:one").model_extra["parent"] == base


@check
def a_variant_has_every_name_of_its_model_and_its_own(server):
    assert ask(server, f"{NAME}:one").model == f"{NAME}:one"
    assert said(server, f"{NAME}:one") == said(server, "one") != said(server, NAME)
    for name in (f"{NAME}:three", f"{NAME}:", "three", "one:two"):
        try:
            ask(server, name)
        except openai.NotFoundError as error:
            assert error.param == "model" and error.code == "model_not_found", error
        else:
            raise AssertionError(f"{name} was found")


@check
def an_adapter_that_changes_nothing_changes_nothing(server):
    question = "Tell me of the sea."
    plain = ask(server, NAME, question, logprobs=True, top_logprobs=3)
    other = ask(server, f"{NAME}:nothing", question, logprobs=True, top_logprobs=3)
    assert plain.choices[0].logprobs == other.choices[0].logprobs
    assert other.usage.prompt_tokens_details.cached_tokens == 0, "a prefix of the base was taken for the adapter's"
    again = ask(server, f"{NAME}:nothing", question, logprobs=True, top_logprobs=3)
    assert again.usage.prompt_tokens_details.cached_tokens > 0, "the adapter's own prefix was not found"
    assert again.choices[0].logprobs == plain.choices[0].logprobs


@check
def answers_beside_others_are_those_alone(server):
    names = [NAME, f"{NAME}:one", f"{NAME}:two", NAME, "two", "one", f"{NAME}:nothing", "two"]
    questions = [f"Count to {index + 3}." for index in range(len(names))]
    alone = [said(server, *pair) for pair in zip(names, questions)]
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        for _ in range(2):
            assert list(pool.map(lambda pair: said(server, *pair), zip(names, questions))) == alone


@check
def every_route_takes_a_variant(server):
    model = f"{NAME}:two"
    chunks = ask(server, model, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert streamed == said(server, model)
    response = server.client.responses.create(
        model=model, input="Name three colours.", temperature=0, max_output_tokens=24
    )
    assert response.output_text == streamed
    text = {name: server.client.completions.create(model=name, prompt="The sea", temperature=0, max_tokens=8) for name in (NAME, model)}
    assert text[NAME].choices[0].text != text[model].choices[0].text


@check
def other_apis_take_a_variant(server):
    def post(path, body):
        request = urllib.request.Request(server.origin + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    messages = [{"role": "user", "content": "Name three colours."}]
    for name in (f"{NAME}:two", f"{NAME}:two:latest"):
        body = {"model": name, "messages": messages, "stream": False, "options": {"temperature": 0, "num_predict": 24}}
        assert post("/api/chat", body)["message"]["content"] == said(server, "two")
    body = {"model": "two", "messages": messages, "max_tokens": 24, "temperature": 0}
    assert post("/v1/messages", body)["content"][0]["text"] == said(server, "two")
    with urllib.request.urlopen(server.origin + "/api/tags") as answer:
        assert any(model["name"].endswith(":two") for model in json.load(answer)["models"])


@check
def requests_mix_adapters(server):
    def mixed(*parts):
        lora = [{"id": name, "scale": scale} for name, scale in parts]
        return said(server, NAME, extra_body={"lora": lora})

    with urllib.request.urlopen(server.origin + f"/lora-adapters?model={NAME}") as answer:
        listed = {entry["name"]: entry["id"] for entry in json.load(answer)}
    assert list(listed) == ["one", "two", "nothing"] and list(listed.values()) == [0, 1, 2], listed
    assert mixed() == mixed(("one", 0)) == mixed(("nothing", 3)) == said(server, NAME)
    assert mixed(("one", 1)) == mixed((listed["one"], 1.0)) == said(server, "one")
    assert mixed(("one", 0.5), ("two", 0.5)) == mixed(("two", 0.5), (listed["one"], 0.5))
    for parts, name in (([("one", 1), ("three", 1)], "lora[1].id"), ([(9, 1)], "lora[0].id")):
        try:
            mixed(*parts)
        except openai.NotFoundError as error:
            assert error.param == name, error
        else:
            raise AssertionError(f"{parts} was found")


@check
def a_schema_holds_under_an_adapter(server):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    answer = ask(server, "one", n=3, temperature=1, seed=1, max_tokens=60, response_format=form)
    for choice in answer.choices:
        if choice.finish_reason == "stop":
            assert list(json.loads(choice.message.content)) == ["n"]


@check
def the_time_of_computing_is_told_and_charged(server):
    metric = "hearth_adapter_compute_seconds_total"
    before, steps = server.metric(metric), server.metric("hearth_step_seconds_sum")
    timed = {"perf_metrics_in_response": True}
    whole = ask(server, "one", extra_body=timed).usage.model_extra["compute_seconds"]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    streamed = list(ask(server, "one", extra_body=timed, **options))[-1].usage.model_extra["compute_seconds"]
    response = server.client.responses.create(model="one", input="Hello", max_output_tokens=8, extra_body=timed)
    told = whole + streamed + response.usage.model_extra["compute_seconds"]
    assert min(whole, streamed) > 0
    assert abs(server.metric(metric) - before - told) < 1e-5
    # Nobody else asked for anything.
    assert abs(server.metric("hearth_step_seconds_sum") - steps - told) < 1e-5
    assert "compute_seconds" not in ask(server, "one").usage.model_extra


@check
def a_flood_on_one_adapter_does_not_hold_up_another(server):
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        flood = [pool.submit(ask, server, "one", f"Tell story {index}.", max_tokens=48) for index in range(50)]
        deadline = time.monotonic() + 30
        while server.metric("vllm:num_requests_waiting") < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        ended = sum(request.done() for request in flood)
        ask(server, "two", max_tokens=4)
        passed = sum(request.done() for request in flood) - ended
        for request in flood:
            request.result()
    # Places come free one after the other; the next one is its own.
    assert passed <= 16, f"{passed} of the flood came first"


@check
def what_does_not_fit_ends_the_start_with_its_name(server):
    with tempfile.TemporaryDirectory() as folder:
        path = write_adapter(pathlib.Path(folder) / "other", 1, 2, 0.1, {"mlp.down_proj": (WIDTH, WIDTH)})
        command = [sys.argv[1], "serve", sys.argv[2], "--port", "0", "--storage", "off", "--adapter", f"other={path}"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode > 0 and "mlp.down_proj" in ended.stderr, ended


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        adapters = {
            "one": write_adapter(folder / "one", 1, 4, 0.2),
            "two": write_adapter(folder / "two", 2, 16, 0.1),
            "nothing": write_adapter(folder / "nothing", 3, 8, 0.0),
        }
        arguments = [word for name, path in adapters.items() for word in ("--adapter", f"{name}={path}")]
        # So few that requests do wait.
        arguments += ["--max-running", "8"]
        run(
            CHECKS,
            lambda origin: openai.OpenAI(base_url=origin + "/v1", api_key="none", max_retries=0),
            arguments=arguments,
        )
