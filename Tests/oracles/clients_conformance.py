"""Libraries that people bring, on a live server: litellm, langchain-openai, instructor, llama-index, pydantic-ai, fireworks-ai,
and the openai client's asynchronous and streaming helpers.

    clients_conformance.py HEARTH MODEL EMBEDDING-MODEL

Exits with 1 when a check fails.
"""

import asyncio
import json
import os
import pathlib
import sys
from typing import Literal

import pydantic

# Libraries that would tell their makers of each use, or look for prices on the network.
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false", "OPENAI_API_KEY": "none"}

import fireworks  # noqa: E402
import instructor  # noqa: E402
import litellm  # noqa: E402
import openai  # noqa: E402
from langchain_core.tools import tool as langchain_tool  # noqa: E402
from langchain_openai import ChatOpenAI, OpenAIEmbeddings  # noqa: E402
from llama_index.core.llms import ChatMessage  # noqa: E402
from llama_index.core.program import LLMTextCompletionProgram  # noqa: E402
from llama_index.core.tools import FunctionTool  # noqa: E402
from llama_index.llms.openai_like import OpenAILike  # noqa: E402
from pydantic_ai import Agent, Embedder, ModelHTTPError, NativeOutput  # noqa: E402
from pydantic_ai.capabilities import PrepareOutputTools, PrepareTools  # noqa: E402
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel  # noqa: E402
from pydantic_ai.models.openai import OpenAIChatModel  # noqa: E402
from pydantic_ai.providers.openai import OpenAIProvider  # noqa: E402

from live_server import NAME, run  # noqa: E402

QUESTION = "What is the weather in Paris?"
MESSAGES = [{"role": "user", "content": QUESTION}]
TEXTS = ["A cat sat.", "A kitten was sitting.", "Stocks fell."]
EMBEDDER = pathlib.Path(sys.argv[3]).name
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class City(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=30)
    inhabitants: int = pydantic.Field(ge=0, le=50_000_000)
    continent: Literal["Europe", "Asia", "Africa"]


class Weather(pydantic.BaseModel):
    """The weather of a city."""

    city: str = pydantic.Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather of a city.", "parameters": Weather.model_json_schema()},
}


def base(server):
    return server.origin + "/v1"


def joined(calls):
    """Names and arguments of calls, from deltas: `(index, name or None, piece of arguments or None)`."""
    found = {}
    for index, name, piece in calls:
        call = found.setdefault(index, ["", ""])
        call[0] += name or ""
        call[1] += piece or ""
    return [tuple(found[index]) for index in sorted(found)]


def vectors(server):
    """What the openai client gets for TEXTS, beside which the others' vectors are held."""
    client = openai.OpenAI(base_url=base(server), api_key="none", max_retries=0)
    return [item.embedding for item in client.embeddings.create(model=EMBEDDER, input=TEXTS).data]


def agree(found, wanted):
    assert len(found) == len(wanted) == len(TEXTS), (len(found), len(wanted))
    for one, other in zip(found, wanted):
        assert len(one) == len(other) and max(abs(a - b) for a, b in zip(one, other)) < 1e-6


def refuses(kinds, ask):
    """Whether `ask(field)` raises the client's own classes: for a field out of bounds, and for a model that is not there."""
    for kind, extra in zip(kinds, ({"temperature": 9}, {"model": "nobody"})):
        try:
            ask(extra)
        except kind as error:
            assert "temperature" in str(error) or "nobody" in str(error), error
            continue
        raise AssertionError(f"{extra} was accepted")


# -- openai: asynchronous, helpers for streams


@check
def openai_async_answers_and_streams_agree(server):
    async def both():
        async with openai.AsyncOpenAI(base_url=base(server), api_key="none", max_retries=0) as client:
            body = dict(model=NAME, messages=MESSAGES, temperature=0, max_tokens=24)
            whole, stream = await asyncio.gather(
                client.chat.completions.create(**body), client.chat.completions.create(**body, stream=True)
            )
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
            return whole.choices[0].message.content, text

    whole, streamed = asyncio.run(both())
    assert whole and whole == streamed, (whole, streamed)


@check
def openai_stream_helper_parses_a_structure(server):
    client = openai.OpenAI(base_url=base(server), api_key="none", max_retries=0)
    body = dict(model=NAME, messages=MESSAGES, response_format=City, temperature=1, seed=3, max_tokens=300)
    with client.chat.completions.stream(**body) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    assert isinstance(final.choices[0].message.parsed, City), final


@check
def openai_stream_helper_parses_a_call(server):
    client = openai.OpenAI(base_url=base(server), api_key="none", max_retries=0)
    body = dict(model=NAME, messages=MESSAGES, tools=[openai.pydantic_function_tool(Weather)], tool_choice="required")
    with client.chat.completions.stream(**body, parallel_tool_calls=False, temperature=1, seed=3, max_tokens=300) as stream:
        kinds = {event.type for event in stream}
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    assert "tool_calls.function.arguments.delta" in kinds, kinds
    assert isinstance(call.function.parsed_arguments, Weather), call


@check
def openai_async_embeds(server):
    async def ask():
        async with openai.AsyncOpenAI(base_url=base(server), api_key="none", max_retries=0) as client:
            plain = await client.embeddings.create(model=EMBEDDER, input=TEXTS, encoding_format="float")
            return [item.embedding for item in plain.data]

    agree(asyncio.run(ask()), vectors(server))


@check
def openai_async_errors_have_their_class(server):
    async def ask(extra):
        async with openai.AsyncOpenAI(base_url=base(server), api_key="none", max_retries=0) as client:
            await client.chat.completions.create(**{"model": NAME, "messages": MESSAGES, **extra})

    refuses((openai.BadRequestError, openai.NotFoundError), lambda extra: asyncio.run(ask(extra)))


# -- litellm


def litellm_body(server, **extra):
    return dict(model=f"openai/{NAME}", api_base=base(server), api_key="none", messages=MESSAGES, max_tokens=300) | extra


@check
def litellm_answers_and_streams_agree(server):
    body = litellm_body(server, temperature=0, max_tokens=24)
    whole = litellm.completion(**body).choices[0].message.content
    text = "".join(chunk.choices[0].delta.content or "" for chunk in litellm.completion(**body, stream=True))
    later = asyncio.run(litellm.acompletion(**body)).choices[0].message.content
    assert whole and whole == text == later, (whole, text, later)


@check
def litellm_calls_are_valid(server):
    body = litellm_body(server, tools=[TOOL], tool_choice="required", temperature=1, seed=4)
    for call in litellm.completion(**body).choices[0].message.tool_calls:
        Weather.model_validate_json(call.function.arguments)


@check
def litellm_streamed_calls_are_the_unstreamed_ones(server):
    body = litellm_body(server, tools=[TOOL], tool_choice="required", temperature=1, seed=4)
    whole = [(call.function.name, call.function.arguments) for call in litellm.completion(**body).choices[0].message.tool_calls]
    chunks = list(litellm.completion(**body, stream=True))
    deltas = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or []]
    assert joined((call.index, call.function.name, call.function.arguments) for call in deltas) == whole, (deltas, whole)
    built = litellm.stream_chunk_builder(chunks, messages=MESSAGES).choices[0]
    assert built.finish_reason == "tool_calls", built
    assert [(call.function.name, call.function.arguments) for call in built.message.tool_calls] == whole, (built, whole)


@check
def litellm_results_go_back_to_the_model(server):
    body = litellm_body(server, tools=[TOOL], temperature=0, max_tokens=24)
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris", "unit": "celsius"}'}}
    body["messages"] = [
        *MESSAGES,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    assert litellm.completion(**body).choices[0].message.content


@check
def litellm_embeds(server):
    body = dict(model=f"openai/{EMBEDDER}", api_base=base(server), api_key="none", input=TEXTS)
    agree([item["embedding"] for item in litellm.embedding(**body, encoding_format="float").data], vectors(server))


@check
def litellm_structures_are_valid(server):
    answer = litellm.completion(**litellm_body(server, response_format=City, temperature=1, seed=4))
    City.model_validate_json(answer.choices[0].message.content)


@check
def litellm_errors_have_their_class(server):
    for kind, extra in ((litellm.BadRequestError, {"temperature": 9}), (litellm.NotFoundError, {"model": "openai/nobody"})):
        try:
            litellm.completion(**litellm_body(server, **extra), num_retries=0)
        except kind:
            continue
        raise AssertionError(f"{extra} was accepted")


# -- langchain-openai


def langchain(server, **extra):
    return ChatOpenAI(model=NAME, base_url=base(server), api_key="none", max_retries=0, max_tokens=300, seed=5, **extra)


@check
def langchain_answers_and_streams_agree(server):
    model = langchain(server, temperature=0).bind(max_tokens=24)
    whole = model.invoke(QUESTION)
    assert whole.content and whole.usage_metadata["output_tokens"] > 0, whole
    assert "".join(chunk.content for chunk in model.stream(QUESTION)) == whole.content


@check
def langchain_calls_are_valid(server):
    @langchain_tool(args_schema=Weather)
    def weather(city: str, unit: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    model = langchain(server, temperature=1).bind_tools([weather], tool_choice="weather")
    answer = model.invoke(QUESTION)
    assert answer.tool_calls and not answer.invalid_tool_calls, answer
    assert weather.invoke(answer.tool_calls[0]).content.startswith("sunny in "), answer


@check
def langchain_streamed_calls_are_the_unstreamed_ones(server):
    model = langchain(server, temperature=1).bind_tools([TOOL], tool_choice="weather")
    whole, parts = model.invoke(QUESTION), list(model.stream(QUESTION))
    answer = parts[0]
    for part in parts[1:]:
        answer += part
    wanted = [(call["name"], call["args"]) for call in whole.tool_calls]
    assert wanted and [(call["name"], call["args"]) for call in answer.tool_calls] == wanted, (answer, whole)


@check
def langchain_embeds(server):
    # Unless told not to, it counts tokens with a vocabulary of OpenAI's, which it would download.
    embedder = OpenAIEmbeddings(model=EMBEDDER, base_url=base(server), api_key="none", check_embedding_ctx_length=False)
    agree(embedder.embed_documents(TEXTS), vectors(server))


@check
def langchain_errors_have_their_class(server):
    def ask(extra):
        model = ChatOpenAI(**{"model": NAME, "base_url": base(server), "api_key": "none", "max_retries": 0, **extra})
        model.invoke(QUESTION)

    refuses((openai.BadRequestError, openai.NotFoundError), ask)


@check
def langchain_structures_are_valid(server):
    for method in ("json_schema", "function_calling"):
        answer = langchain(server, temperature=1).with_structured_output(City, method=method).invoke(QUESTION)
        assert isinstance(answer, City), (method, answer)


# -- instructor


@check
def instructor_structures_are_valid(server):
    client = openai.OpenAI(base_url=base(server), api_key="none", max_retries=0)
    for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
        ask = instructor.from_openai(client, mode=mode)
        body = dict(model=NAME, messages=MESSAGES, temperature=1, seed=6, max_tokens=300, max_retries=0)
        answer = ask.chat.completions.create(response_model=City, **body)
        assert isinstance(answer, City), (mode, answer)


@check
def instructor_streams_a_structure(server):
    client = instructor.from_openai(openai.OpenAI(base_url=base(server), api_key="none", max_retries=0), mode=instructor.Mode.TOOLS)
    body = dict(model=NAME, messages=MESSAGES, temperature=1, seed=6, max_tokens=300, max_retries=0)
    parts = list(client.chat.completions.create_partial(response_model=City, **body))
    assert len(parts) > 1 and City.model_validate(parts[-1].model_dump()), parts


# -- llama-index


def llama_index(server, **extra):
    common = dict(model=NAME, api_base=base(server), api_key="none", is_chat_model=True, max_retries=0, context_window=2048)
    return OpenAILike(**common, is_function_calling_model=True, max_tokens=300, **extra)


@check
def llama_index_answers_and_streams_agree(server):
    model, question = llama_index(server, temperature=0.0), [ChatMessage(role="user", content=QUESTION)]
    whole = model.chat(question, max_tokens=24).message.content
    assert whole and [part.message.content for part in model.stream_chat(question, max_tokens=24)][-1] == whole


@check
def llama_index_calls_are_valid(server):
    weather = FunctionTool.from_defaults(fn=lambda city, unit: "", name="weather", fn_schema=Weather)
    model = llama_index(server, temperature=1.0, additional_kwargs={"seed": 7})
    answer = model.chat_with_tools([weather], user_msg=QUESTION, tool_required=True)
    for call in model.get_tool_calls_from_response(answer):
        Weather.model_validate(call.tool_kwargs)


@check
def llama_index_streamed_calls_are_the_unstreamed_ones(server):
    weather = FunctionTool.from_defaults(fn=lambda city, unit: "", name="weather", fn_schema=Weather)
    model = llama_index(server, temperature=1.0, additional_kwargs={"seed": 7})
    ask = dict(user_msg=QUESTION, tool_required=True)
    whole = model.get_tool_calls_from_response(model.chat_with_tools([weather], **ask))
    last = list(model.stream_chat_with_tools([weather], **ask))[-1]
    streamed = model.get_tool_calls_from_response(last)
    assert whole and [call.tool_kwargs for call in streamed] == [call.tool_kwargs for call in whole], (streamed, whole)


@check
def llama_index_errors_have_their_class(server):
    question = [ChatMessage(role="user", content=QUESTION)]
    refuses(
        (openai.BadRequestError, openai.NotFoundError), lambda extra: llama_index(server).chat(question, max_tokens=4, **extra)
    )


@check
def llama_index_structures_are_valid(server):
    model = llama_index(
        server,
        temperature=1.0,
        additional_kwargs={
            "seed": 7,
            "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": City.model_json_schema()}},
        },
    )
    program = LLMTextCompletionProgram.from_defaults(output_cls=City, prompt_template_str="Name a city.", llm=model)
    assert isinstance(program(), City)


# -- pydantic-ai


def pydantic_model(server):
    client = openai.AsyncOpenAI(base_url=base(server), api_key="none", max_retries=0)
    return OpenAIChatModel(NAME, provider=OpenAIProvider(openai_client=client))


@check
def pydantic_ai_answers_and_streams_agree(server):
    async def both():
        agent = Agent(pydantic_model(server), model_settings={"temperature": 0, "max_tokens": 24})
        whole = (await agent.run(QUESTION)).output
        async with agent.run_stream(QUESTION) as result:
            return whole, "".join([delta async for delta in result.stream_text(delta=True, debounce_by=None)])

    whole, streamed = asyncio.run(both())
    assert whole and whole == streamed, (whole, streamed)


@check
def pydantic_ai_structures_are_valid(server):
    settings = {"temperature": 1, "seed": 8, "max_tokens": 300}
    for output in (City, NativeOutput(City)):
        agent = Agent(pydantic_model(server), output_type=output, model_settings=settings)
        assert isinstance(agent.run_sync(QUESTION).output, City)


@check
def pydantic_ai_agent_uses_a_tool_of_its_own(server):
    seen = []

    # Which of its tools an agent shows in which step is its own to say: the first must use the function, the second answer.
    async def own(context, tools):
        return tools if context.run_step == 1 else []

    async def output(context, tools):
        return [] if context.run_step == 1 else tools

    settings = {"temperature": 1, "seed": 9, "max_tokens": 400, "parallel_tool_calls": False}
    steps = [PrepareTools(own), PrepareOutputTools(output)]
    agent = Agent(pydantic_model(server), output_type=City, model_settings=settings, capabilities=steps)

    @agent.tool_plain
    def weather(city: str, unit: Literal["celsius", "fahrenheit"]) -> str:
        """The weather of a city."""
        seen.append((city, unit))
        return "sunny"

    result = agent.run_sync(QUESTION)
    assert isinstance(result.output, City), result
    assert len(seen) == 1 and seen[0][1] in ("celsius", "fahrenheit"), seen
    kinds = [part.part_kind for message in result.all_messages() for part in message.parts]
    assert kinds.index("tool-call") < kinds.index("tool-return") < len(kinds) - 1, kinds


@check
def pydantic_ai_embeds(server):
    client = openai.AsyncOpenAI(base_url=base(server), api_key="none", max_retries=0)
    embedder = Embedder(OpenAIEmbeddingModel(EMBEDDER, provider=OpenAIProvider(openai_client=client)))
    agree([list(vector) for vector in embedder.embed_documents_sync(TEXTS).embeddings], vectors(server))


@check
def pydantic_ai_errors_have_their_class(server):
    def ask(extra):
        client = openai.AsyncOpenAI(base_url=base(server), api_key="none", max_retries=0)
        model = OpenAIChatModel(extra.pop("model", NAME), provider=OpenAIProvider(openai_client=client))
        Agent(model, model_settings=extra).run_sync(QUESTION)

    refuses((ModelHTTPError, ModelHTTPError), ask)


# -- fireworks-ai


@check
def fireworks_answers_and_streams_agree(server):
    client = fireworks.Fireworks(base_url=server.origin, api_key="none", max_retries=0)
    body = dict(model=NAME, messages=MESSAGES, temperature=0, max_tokens=24)
    whole = client.chat.completions.create(**body).choices[0].message.content
    chunks = client.chat.completions.create(**body, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert whole and whole == text, (whole, text)


@check
def fireworks_calls_and_structures_are_valid(server):
    client = fireworks.Fireworks(base_url=server.origin, api_key="none", max_retries=0)
    body = dict(model=NAME, messages=MESSAGES, temperature=1, max_tokens=300)
    answer = client.chat.completions.create(**body, tools=[TOOL], tool_choice="required")
    for call in answer.choices[0].message.tool_calls:
        Weather.model_validate(json.loads(call.function.arguments))
    shape = {"type": "json_schema", "json_schema": {"name": "city", "schema": City.model_json_schema()}}
    answer = client.chat.completions.create(**body, response_format=shape)
    City.model_validate_json(answer.choices[0].message.content)


@check
def fireworks_streamed_calls_are_the_unstreamed_ones(server):
    client = fireworks.Fireworks(base_url=server.origin, api_key="none", max_retries=0)
    body = dict(model=NAME, messages=MESSAGES, temperature=1, seed=4, max_tokens=300, tools=[TOOL], tool_choice="required")
    whole = client.chat.completions.create(**body).choices[0].message.tool_calls
    chunks = [chunk for chunk in client.chat.completions.create(**body, stream=True) if chunk.choices]
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    found = joined((call.index, call.function.name, call.function.arguments) for call in deltas)
    assert found == [(call.function.name, call.function.arguments) for call in whole], (found, whole)


@check
def fireworks_errors_have_their_class(server):
    client = fireworks.Fireworks(base_url=server.origin, api_key="none", max_retries=0)
    refuses(
        (fireworks.BadRequestError, fireworks.NotFoundError),
        lambda extra: client.chat.completions.create(**{"model": NAME, "messages": MESSAGES, **extra}),
    )


if __name__ == "__main__":
    run(CHECKS, lambda origin: None, arguments=("--embed", sys.argv[3]))
