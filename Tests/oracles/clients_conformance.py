"""Libraries that people bring, on a live server: litellm, langchain-openai, instructor, llama-index, pydantic-ai, fireworks-ai,
and the openai client's asynchronous and streaming helpers.

    clients_conformance.py HEARTH MODEL

Exits with 1 when a check fails.
"""

import asyncio
import json
import os
from typing import Literal

import pydantic

# Libraries that would tell their makers of each use, or look for prices on the network.
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false", "OPENAI_API_KEY": "none"}

import fireworks  # noqa: E402
import instructor  # noqa: E402
import litellm  # noqa: E402
import openai  # noqa: E402
from langchain_core.tools import tool as langchain_tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from llama_index.core.llms import ChatMessage  # noqa: E402
from llama_index.core.program import LLMTextCompletionProgram  # noqa: E402
from llama_index.core.tools import FunctionTool  # noqa: E402
from llama_index.llms.openai_like import OpenAILike  # noqa: E402
from pydantic_ai import Agent, NativeOutput  # noqa: E402
from pydantic_ai.models.openai import OpenAIChatModel  # noqa: E402
from pydantic_ai.providers.openai import OpenAIProvider  # noqa: E402

from live_server import NAME, run  # noqa: E402

QUESTION = "What is the weather in Paris?"
MESSAGES = [{"role": "user", "content": QUESTION}]
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


if __name__ == "__main__":
    run(CHECKS, lambda origin: None)
