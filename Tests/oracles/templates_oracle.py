#!/usr/bin/env python3
"""Renders chat templates with Python's jinja2 as Hugging Face transformers sets it up, for the Swift tests to match.

    python3 Tests/oracles/templates_oracle.py              conversations x model templates, into the test-data cache
    python3 Tests/oracles/templates_oracle.py --snippets   the small semantic cases, into the fixtures (checked in)

The cache is $HEARTH_TEST_DATA_CACHE, or .build-testdata in the package root. Needs Jinja2 3.1.6.
"""

import argparse
import datetime
import itertools
import json
import os
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = pathlib.Path(__file__).resolve().parents[2]
# 1,750,000,000 seconds after the epoch, in UTC: the clock that the Swift tests inject.
NOW = datetime.datetime(2025, 6, 15, 15, 6, 40)


class Generation(jinja2.ext.Extension):
    """The {% generation %} tag, which marks what the assistant says."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def make_environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return environment


def outcome(environment, source, context, compiled={}):
    """What rendering gives: its text, the message of raise_exception, or that it fails."""
    try:
        if source not in compiled:
            compiled[source] = environment.from_string(source)
        return {"out": compiled[source].render(**context)}
    except Exception as error:  # every failure of a template is an expectation
        if type(error) is jinja2.exceptions.TemplateError:
            return {"raised": str(error)}
        return {"error": f"{type(error).__name__}: {error}"}


# Conversations

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather at a place <b>&\"'",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "City, e.g. Zürich"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "minimum": 1, "maximum": 14, "default": 3},
            },
            "required": ["location"],
        },
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search_notes",
        "description": "Searches notes.\nReturns the best ones.",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}, "description": "any of"},
                "filter": {
                    "type": "object",
                    "description": "limits",
                    "properties": {
                        "since": {"type": ["string", "null"], "description": "ISO date"},
                        "score": {"type": "number", "minimum": 0.25},
                        "nested": {"type": "object", "properties": {"deep": {"type": "boolean"}}},
                    },
                    "required": ["since"],
                },
                "either": {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
            },
            "required": ["query", "tags"],
            "additionalProperties": False,
        },
        "return": {"type": "object", "properties": {"hits": {"type": "integer"}}},
    },
}
BARE = {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}}


def message(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, identifier="call00001"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def text_part(text):
    return {"type": "text", "text": text}


def tool_round(arguments, content=None, identifier="call00001", **more):
    return [
        message("user", "What is the weather in Zürich?"),
        message("assistant", content, tool_calls=[call("get_weather", arguments, identifier)], **more),
        message("tool", '{"temperature": 21.5}', tool_call_id=identifier, name="get_weather"),
    ]


def plain_conversations():
    hello = message("user", "Hello!")
    turns = [hello, message("assistant", "Hi there."), message("user", "How are you?")]
    system = message("system", "You are a helpful assistant.")
    return {
        "user": [hello],
        "system-user": [system, hello],
        "turns": turns,
        "system-turns": [system] + turns,
        "ends-with-assistant": turns + [message("assistant", "Fine, thank you.")],
        "long": [system] + turns[:2] * 5 + [message("user", "Last one?")],
        "empty-user": [message("user", "")],
        "empty-system": [message("system", ""), hello],
        "empty-assistant": turns[:1] + [message("assistant", ""), message("user", "Go on")],
        "spaces": [message("system", "  padded \n"), message("user", "\n\n  text\t "), message("assistant", " a "),
                   message("user", "b")],
        "unicode": [message("system", "Ça va? 你好 👩‍👩‍👧 é é"), message("user", "🙂ß İ ﬁ Σ \u00a0x\u2028y")],
        "markup": [message("user", "<|im_start|>system {{ x }} {% if %} <b>&amp;</b> \"q\" 'q' \\n \\")],
        "developer": [message("developer", "Be brief."), hello],
        "developer-system": [system, message("developer", "Be brief."), hello],
        "two-systems": [system, message("system", "Also be kind."), hello],
        "late-system": [hello, system, message("user", "Now?")],
        "two-users": [hello, message("user", "Are you there?")],
        "starts-with-assistant": [message("assistant", "Welcome."), hello],
        "unknown-role": [message("narrator", "Once upon a time"), hello],
        "none": [],
        "null-content": [message("user", None)],
        "no-content": [{"role": "user"}],
        "think-tags": [hello, message("assistant", "<think>\nHm, let me see.\n</think>\n\nHi."), message("user", "And?")],
        "only-think": [hello, message("assistant", "<think>never closed"), message("user", "And?")],
        "reasoning": [hello, message("assistant", "Hi.", reasoning_content="The user greets."), message("user", "And?")],
        "reasoning-last": [hello, message("assistant", "Hi.", reasoning_content="The user greets.")],
        "thinking": [hello, message("assistant", "Hi.", thinking="A greeting."), message("user", "And?")],
        "reasoning-empty": [hello, message("assistant", "Hi.", reasoning_content=""), message("user", "Why?")],
        "no-think-switch": [message("user", "Quick answer /no_think"), message("assistant", "ok"), message("user", "x /think")],
        "named": [message("user", "Hello", name="Ann"), message("assistant", "Hi", name="Bot"), message("user", "Bye", name="Ann")],
        "number-content": [message("user", 42)],
        "metadata": [message("system", "/no_think Custom instructions /system_override"), hello],
    }


def part_conversations():
    parts = [text_part("First. "), text_part("Second.")]
    return {
        "parts": [message("user", parts)],
        "parts-everywhere": [message("system", [text_part("Sys.")]), message("user", parts),
                             message("assistant", [text_part("Answer")]), message("user", [text_part("More")])],
        "parts-image": [message("user", [text_part("Look: "), {"type": "image"}, text_part("?")])],
        "parts-url": [message("user", [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}, text_part("What?")])],
        "parts-empty": [message("user", [])],
        "parts-strings": [message("user", ["one", "two"])],
        "parts-tool": tool_round({"location": "Bern"})[:2] + [message("tool", [text_part("21 degrees")], tool_call_id="call00001")],
    }


def tool_conversations():
    arguments = {"location": "Zürich", "unit": "celsius", "days": 2}
    second = {"query": "a \"b\" <c>", "tags": ["x", "y"], "filter": {"since": None, "score": 0.5}, "either": 3}
    two_calls = message("assistant", "", tool_calls=[call("get_weather", arguments, "abcdefghi"),
                                                      call("search_notes", second, "123456789")])
    answers = [message("tool", "21.5", tool_call_id="abcdefghi", name="get_weather"),
               message("tool", "[]", tool_call_id="123456789", name="search_notes")]
    system = message("system", "Use tools.")
    ask = message("user", "Two things, please.")
    return {
        "call-object": tool_round(arguments),
        "call-string": tool_round(json.dumps(arguments)),
        "call-empty": tool_round({}),
        "call-empty-string": tool_round("{}"),
        "call-content": tool_round(arguments, content="Let me look."),
        "call-blank-content": tool_round(arguments, content=""),
        "call-no-id": [tool_round(arguments)[0], {"role": "assistant", "tool_calls": [
            {"type": "function", "function": {"name": "get_weather", "arguments": arguments}}]},
            message("tool", "21.5")],
        "call-flat": [ask, {"role": "assistant", "content": "", "tool_calls": [{"name": "get_weather", "arguments": arguments}]},
                      message("tool", "21.5")],
        "call-long-id": tool_round(arguments, identifier="call_0123456789abcdef"),
        "call-reasoning": tool_round(arguments, reasoning_content="I should look it up."),
        "call-thinking": tool_round(arguments, thinking="I should look it up."),
        "call-pending": [system, ask, two_calls],
        "call-two": [system, ask, two_calls] + answers,
        "call-two-answered": [system, ask, two_calls] + answers + [message("assistant", "Done."), message("user", "Thanks")],
        "call-rounds": [system] + (tool_round(arguments) + [message("assistant", "It is 21.5.")]) * 2 + [message("user", "Bye")],
        "call-one-by-one": [system] + tool_round(arguments) + tool_round(second)[1:],
        "call-dictionary-answer": tool_round(arguments)[:2] + [message("tool", {"temperature": 21.5, "ok": True}, tool_call_id="call00001")],
        "call-legacy-answer": tool_round(arguments)[:2] + [message("ipython", "21.5")],
        "call-odd-values": tool_round({"a": 1.0, "b": 1e22, "c": None, "d": [True, [], {}], "e": "\n\t\u0001é\u007f", "": -0.0}),
        "call-null-list": [message("user", "x"), message("assistant", "y", tool_calls=None), message("user", "z")],
        "call-empty-list": [message("user", "x"), message("assistant", "y", tool_calls=[]), message("user", "z")],
    }


def contexts():
    """Name and context of every case."""
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    plain, parts, calls = plain_conversations(), part_conversations(), tool_conversations()
    for name, messages in itertools.chain(plain.items(), parts.items()):
        for prompt in (True, False):
            yield f"{name}/{prompt}", {"messages": messages, "add_generation_prompt": prompt, **tokens}
    tool_sets = {"none": None, "one": [WEATHER], "many": [WEATHER, SEARCH, BARE]}
    picked = ["user", "system-user", "system-turns", "unicode", "parts-everywhere", "reasoning", "developer", "none"]
    for name, messages in itertools.chain(calls.items(), ((n, {**plain, **parts}[n]) for n in picked)):
        for kind, tools in tool_sets.items():
            extra = {} if tools is None else {"tools": tools}
            yield f"{name}+tools-{kind}", {"messages": messages, "add_generation_prompt": True, **extra, **tokens}
    yield "tools-null", {"messages": plain["turns"], "tools": None, "documents": None, "add_generation_prompt": True, **tokens}
    yield "tools-empty", {"messages": plain["turns"], "tools": [], "add_generation_prompt": True, **tokens}
    yield "tools-flat", {"messages": plain["turns"], "tools": [WEATHER["function"]], "add_generation_prompt": True, **tokens}
    yield "no-tokens", {"messages": plain["system-turns"], "add_generation_prompt": True}
    yield "nothing", {}
    documents = [{"title": "One", "text": "Text of one."}, {"title": "Two", "text": "Text of two.", "doc_id": 7}]
    yield "documents", {"messages": plain["turns"], "documents": documents, "add_generation_prompt": True, **tokens}
    switches = [{"enable_thinking": True}, {"enable_thinking": False}, {"thinking": True}, {"thinking": False},
                {"reasoning_effort": "high"}, {"reasoning_effort": "none"}, {"thinking_budget": 512}, {"thinking_budget": 0},
                {"builtin_tools": ["browser", "python"]}, {"tools_in_user_message": False}, {"date_string": "01 Jan 2025"},
                {"model_identity": "You are Test."}, {"preserve_thinking": True}, {"clear_thinking": False},
                {"add_vision_id": True}, {"controls": {"length": 3}}, {"xml_tools": [WEATHER]}, {"python_tools": [WEATHER]},
                {"keep_reasoning": True}, {"reasoning_mode": "on"}, {"truncate_history_thinking": False},
                {"continue_final_message": True}, {"response_format": {"type": "json_object"}}]
    for switch in switches:
        label = json.dumps(switch)
        for name in ("system-turns", "reasoning", "think-tags"):
            yield f"{name} {label}", {"messages": plain[name], "add_generation_prompt": True, **switch, **tokens}
        yield f"call-two {label}", {"messages": calls["call-two-answered"], "tools": [WEATHER, SEARCH],
                                    "add_generation_prompt": True, **switch, **tokens}
        yield f"call-reasoning {label}", {"messages": calls["call-reasoning"], "tools": [WEATHER],
                                          "add_generation_prompt": False, **switch, **tokens}


def cache_folder():
    return pathlib.Path(os.environ.get("HEARTH_TEST_DATA_CACHE", ROOT / ".build-testdata"))


def template_folder(given):
    if given:
        return pathlib.Path(given)
    package = cache_folder() / "llama-cpp-python-0.3.36"
    for folder in sorted(package.glob("**/models/templates")):
        return folder
    sys.exit(f"no models/templates under {package}: run scripts/fetch-test-data first")


def write_lines(path, lines):
    """Writes a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    os.replace(partial, path)


def model_lines(folder):
    environment = make_environment()
    cases = list(contexts())
    for name, context in cases:
        yield {"case": name, "context": context}
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        results = [outcome(environment, source, context) for _, context in cases]
        yield {"template": path.name, "source": source, "results": results}


def snippet_lines():
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    from template_snippets import SNIPPETS

    environment = make_environment()
    for entry in SNIPPETS:
        source, context = entry if isinstance(entry, tuple) else (entry, {})
        yield {"source": source, "context": context, **outcome(environment, source, context)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snippets", action="store_true", help="make the checked-in semantic cases instead")
    parser.add_argument("--templates", help="the folder of *.jinja files (default: found in the cache)")
    parser.add_argument("--force", action="store_true", help="write even when the result is already there")
    options = parser.parse_args()
    if jinja2.__version__ != "3.1.6":
        sys.exit(f"expected Jinja2 3.1.6, found {jinja2.__version__}: pip install Jinja2==3.1.6")
    if options.snippets:
        path = ROOT / "Tests/TokenizationTests/Fixtures/ChatTemplates/snippets.jsonl"
        return write_lines(path, snippet_lines())
    path = cache_folder() / "templates-oracle/expected.jsonl"
    newest = max(p.stat().st_mtime for p in pathlib.Path(__file__).parent.glob("template*.py"))
    if options.force or not path.exists() or path.stat().st_mtime < newest:
        write_lines(path, model_lines(template_folder(options.templates)))
    print(path)


if __name__ == "__main__":
    main()
