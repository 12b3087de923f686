"""Sources that want to take all time or memory, and what they cost."""

import json

import canonical

# What one request may cost. Time is the processor's, as the engine uses one thread; memory is the program's peak.
SECONDS, MEGABYTES = 10.0, 1500


def nested(depth, build, leaf):
    schema = leaf
    for _ in range(depth):
        schema = build(schema)
    return schema


def tools(size):
    """A choice of functions whose schemas come to `size` bytes."""
    functions, written = [], 0
    while written < size:
        index = len(functions)
        properties = {
            f"parameter_{index}_{place}": {"type": kind, "description": "What this is for, at some length. " * 3}
            for place, kind in enumerate(["string", "integer", "number", "boolean"])
        }
        properties["mode"] = {"enum": [f"mode_{index}_{place}" for place in range(6)]}
        arguments = {"type": "object", "properties": properties, "required": list(properties)[:3]}
        call = {"name": {"const": f"function_{index}"}, "arguments": arguments}
        functions.append({"type": "object", "properties": call, "required": ["name", "arguments"]})
        written += len(json.dumps(functions[-1]))
    return {"anyOf": functions}


def schemas():
    """(name, schema, a text that is valid or None)."""
    text = {"type": "string"}
    many = {f"p{index}": {"type": "integer"} for index in range(2000)}
    yield "maxLength 100000", {**text, "maxLength": 100_000}, '"' + "a" * 100_000 + '"'
    yield "minLength and maxLength 100000", {**text, "minLength": 100_000, "maxLength": 100_000}, '"' + "é" * 100_000 + '"'
    yield "maxLength 10^9 of a pattern", {**text, "pattern": "^[a-z ]*$", "maxLength": 10**9}, '"a b"'
    yield "maxLength 10^400", {**text, "maxLength": 10**400}, '"a"'
    yield "maxItems 10^9", {"type": "array", "items": text, "minItems": 3, "maxItems": 10**9}, '["", "", ""]'
    yield "maxItems 1000 within themselves", nested(4, lambda inner: {"type": "array", "items": inner, "maxItems": 1000}, text), "[]"
    yield "enum of 50,000", {"enum": [f"value {index}" for index in range(50_000)]}, '"value 49999"'
    yield "enum of 2,000 objects", {"enum": [{"a": index, "b": [index]} for index in range(2000)]}, '{"a": 7, "b": [7]}'
    yield "const of 1 MB", {"const": "x" * 1_000_000}, '"' + "x" * 1_000_000 + '"'
    yield "2,000 properties", {"type": "object", "properties": many, "additionalProperties": False}, '{"p1999": 1}'
    yield "2,000 required", {"type": "object", "properties": many, "required": list(many)}, None
    yield "100 KB of tools", tools(100_000), None
    yield "1 MB of tools", tools(1_000_000), None
    yield "arrays 100 deep", nested(100, lambda inner: {"type": "array", "items": inner}, text), "[" * 100 + "]" * 100
    yield "arrays 200 deep", nested(200, lambda inner: {"type": "array", "items": inner}, text), None
    yield "anyOf 100 deep", nested(100, lambda inner: {"anyOf": [inner, {"type": "null"}]}, text), "null"
    yield "allOf 100 deep", nested(100, lambda inner: {"allOf": [inner, {"minLength": 1}]}, text), '"a"'
    yield "not 99 deep", nested(99, lambda inner: {"not": inner}, text), "1"
    yield "anyOf to the power of 20", {"allOf": [{"anyOf": [{"minimum": i}, {"maximum": -i}]} for i in range(1, 21)]}, "50"
    pairs = [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(20)]
    yield "anyOf of required to the power of 20", {"type": "object", "allOf": pairs}, None
    yield "oneOf of 200 that overlap", {"oneOf": [{"type": "integer", "multipleOf": i} for i in range(2, 202)]}, None
    called = json.dumps({"name": "function_599", "arguments": {"parameter_599_0": "a", "parameter_599_1": 1, "parameter_599_2": 1}})
    yield "oneOf of 600 functions, 580 KB", {"oneOf": tools(10**6)["anyOf"][:600]}, called
    yield "oneOf of 1,000 functions, 970 KB", {"oneOf": tools(10**6)["anyOf"][:1000]}, called
    yield "oneOf of 400 that nothing tells apart", {"oneOf": [{"properties": {f"p{i}": {"const": i}}} for i in range(400)]}, None
    yield "if in if, 10 deep", nested(10, lambda inner: {"if": {"minimum": 3}, "then": inner, "else": inner}, {"type": "integer"}), "4"
    yield "patternProperties, 12 that overlap", {"type": "object", "patternProperties": {f"a{i}": {"minimum": i} for i in range(12)}}, "{}"
    yield "dependentRequired in a ring of 500", ring(500), "{}"
    yield "multipleOf 0.000000001", {"multipleOf": 0.000000001}, "1"
    yield "multipleOf 99999999", {"type": "integer", "multipleOf": 99_999_999}, "99999999"
    yield "maximum 10^300", {"type": "integer", "minimum": 0, "maximum": 10**300}, "1"
    yield "minimum 10^-300", {"type": "number", "minimum": 1e-300}, "1"
    yield "uniqueItems of 1,000 integers", {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "maxItems": 1000}, "[1, 2]"
    yield "contains with maxContains 1000", {"type": "array", "contains": {"minimum": 5}, "minContains": 500, "maxContains": 1000}, None
    yield from recursion()
    yield from ambiguity()
    yield from patterns()


def ring(count):
    names = [f"n{index}" for index in range(count)]
    return {"type": "object", "dependentRequired": {name: [names[index - 1]] for index, name in enumerate(names)}}


def recursion():
    yield "a reference to itself", {"$ref": "#"}, None
    yield "references in a ring", {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, None
    yield "allOf of itself", {"allOf": [{"$ref": "#"}, {"type": "string"}]}, None
    yield "anyOf of itself", {"anyOf": [{"$ref": "#"}, {"type": "string"}]}, None
    yield "not itself", {"not": {"$ref": "#"}}, None
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    yield "an object that requires itself", endless, None
    yield "an array of itself, at least one", {"type": "array", "items": {"$ref": "#"}, "minItems": 1}, None
    yield "an array of itself", {"type": "array", "items": {"$ref": "#"}}, "[" * 2000 + "]" * 2000
    tree = {"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}, "additionalProperties": False}
    yield "a tree", tree, '{"l": ' * 500 + "{}" + "}" * 500
    definitions = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]} for i in range(60)}
    yield "2^60 paths to one definition", {"$ref": "#/$defs/d0", "$defs": {**definitions, "d60": {"type": "null"}}}, "null"
    both = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]} for i in range(60)}
    yield "2^60 conjunctions of one definition", {"$ref": "#/$defs/d0", "$defs": {**both, "d60": {"type": "null"}}}, "null"
    pairs = {f"d{i}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/d{i + 1}"}] * 2, "minItems": 2} for i in range(60)}
    yield "2^60 elements at least", {"$ref": "#/$defs/d0", "$defs": {**pairs, "d60": {"type": "null"}}}, None


def ambiguity():
    """What costs little to compile, and much to follow where every way is kept."""
    again = {"$ref": "#"}
    arrays = [{"type": "array", "items": again, "maxItems": most} for most in (5, 6, 7)]
    yield "three ways at each of 100 levels", {"anyOf": arrays}, "[" * 100 + "]" * 100
    lists = [{"type": "array", "items": {"type": "integer", "minimum": low}} for low in range(20)]
    yield "twenty ways of 1,000 elements", {"anyOf": lists}, str(list(range(100, 1100)))
    objects = [{"type": "object", "properties": {"a": again, "b": {"const": which}}} for which in range(4)]
    # Of so many ways not all are followed, so this text may be refused.
    yield "four ways at each of 60 levels", {"anyOf": objects}, None
    yield "four ways at each of 4 levels", {"anyOf": objects}, '{"a": ' * 4 + "{}" + ', "b": 1}' * 4
    prefixes = [{"type": "array", "prefixItems": [again] * count, "items": {"type": "null"}} for count in range(4)]
    yield "prefixes of themselves, 40 levels", {"anyOf": prefixes}, "[" * 40 + "]" * 40
    yield "any value, 100 levels", {}, "[" * 100 + "]" * 100
    yield "any value, 10,000 elements", {}, str([{"k": [1, "x", None]}] * 10_000).replace("'", '"').replace("None", "null")


EXPRESSIONS = {
    "(a+)+$": "aaa", "^(a|a)*$": "aaa", "^(a*)*b$": "b", "(.*a){20}": None, "^.*a.{16}$": None, "^(a{1,1000}){1,1000}$": "a",
    "^((a{0,100}){0,100}){0,100}$": "", "^[a-z]{1,100000}$": "q", "^(\\p{L}|\\d)*$": "Ω1", "^" + "(" * 500 + "a" + ")" * 500 + "$": "a",
    "^" + "a?" * 500 + "a" * 500 + "$": "a" * 500, "|".join(f"w{i}" for i in range(5000)): "w4999", "^(?!.*foo)(?=.*bar).*$": "bar",
    "^(a|b|ab)*abb(a|b){12}$": None, "^(x{50}){50}$": "x" * 2500, "(?i)^" + "straße" * 200 + "$": None, "\\1(a)": None, "[": None,
    "^[\\w.]+@[\\w.]+\\.\\w{2,}$": "a@b.example", "^(.{0,5000}x){3}$": "xxx",
}  # fmt: skip


def patterns():
    for expression, text in EXPRESSIONS.items():
        name = expression if len(expression) < 40 else f"{expression[:36]}… ({len(expression)})"
        yield f"pattern {name}", {"type": "string", "pattern": expression}, None if text is None else canonical.string(text)


GRAMMARS = {
    "a rule that is itself": "root ::= root",
    "left recursion": 'root ::= root "a" | "a"',
    "hidden left recursion": 'root ::= empty root "a" | "a"\nempty ::= ""',
    "an endless rule": 'root ::= "a" root',
    "an empty loop": 'root ::= (""*)* "a"',
    "repetition 10^9": "root ::= [a-z]{1,1000000000}",
    "nested repetition": 'root ::= (("a"{0,1000}){0,1000}){0,1000}',
    "ambiguous": 'root ::= x x x x x x x x "b"\nx ::= "a"* | x "a" | ""',
    "brackets 3000 deep": "root ::= " + "(" * 3000 + '"a"' + ")" * 3000,
    "a thousand that may be missing": "root ::= " + "x " * 1000 + '"b"\nx ::= "a"?',
    "three ways at each bracket": 'root ::= "(" root ")" | "(" root ")" | "(" inner ")" | ""\ninner ::= root',
    "20,000 rules": "\n".join(["root ::= r0"] + [f'r{i} ::= "a" r{i + 1} | "b"' for i in range(20_000)] + ['r20000 ::= "c"']),
    "2^60 expansions": "\n".join(["root ::= r0"] + [f"r{i} ::= r{i + 1} r{i + 1}" for i in range(60)] + ['r60 ::= "c"?']),
    "a rule that is missing": "root ::= nothing",
}


def questions():
    """(name, request)."""
    for name, schema, text in schemas():
        yield name, {"kind": "json_schema", "source": schema, "texts": [] if text is None else [text]}
    for expression, text in EXPRESSIONS.items():
        yield f"regex {expression[:36]}", {"kind": "regex", "source": expression, "texts": []}
    for name, source in GRAMMARS.items():
        yield f"gbnf {name}", {"kind": "gbnf", "source": source, "texts": ["a" * 2000, "(" * 200 + ")" * 200]}
    for size, name in ((100_000, "100 KB"), (990_000, "1 MB")):
        functions = [
            {"name": f"function_{index}", "parameters": call["properties"]["arguments"]}
            for index, call in enumerate(tools(size)["anyOf"])
        ]
        arguments = json.dumps({"parameter_9_0": "a", "parameter_9_1": 1, "parameter_9_2": 0.5, "mode": "mode_9_0"})
        text = '<tool_call>\n{"name": "function_9", "arguments": ' + arguments + "}\n</tool_call>"
        yield f"{len(functions)} tools, {name}", {
            "kind": "calls", "family": "generic", "required": True, "functions": functions, "texts": [text],
        }  # fmt: skip
    words = [f"word {index}" for index in range(50_000)]
    yield "choice of 50,000", {"kind": "choice", "source": words, "texts": ["word 49999"]}


def run(engine, out, only=None):
    """Each in a program of its own; the number of those that cost too much, or whose valid text is refused."""
    wrong, rows = 0, []
    for name, request in questions():
        if only and only not in name:
            continue
        engine.stop()
        engine.start()
        before = engine.processor_seconds()
        # As answers are constrained.
        answer = engine.ask(op="accepts", order="declared", **request)
        seconds, megabytes = engine.processor_seconds() - before, engine.peak_bytes() / 1e6
        rows.append((seconds, megabytes, name, answer))
        if seconds > 1:
            print(f"slow: {seconds:.1f} s, {megabytes:.0f} MB, {name}", file=out, flush=True)
        problem = fault(answer, request, seconds, megabytes)
        if problem:
            wrong += 1
            print(f"WRONG {name}: {problem}: {answer.get('error', '')[:200]}", file=out, flush=True)
    engine.stop()
    rows.sort(key=lambda row: -row[0])
    print(f"{'seconds':>8} {'MB':>7}  the slowest of {len(rows)}", file=out)
    for seconds, megabytes, name, answer in rows[:25]:
        print(f"{seconds:8.2f} {megabytes:7.0f}  {name}: {answer.get('error', 'compiled')[:110]}", file=out)
    most = max(rows, key=lambda row: row[1])
    print(f"most memory: {most[1]:.0f} MB, {most[2]}", file=out)
    refused = sorted({(row[2], row[3]["error"][:140]) for row in rows if not row[3].get("compiled")})
    for name, error in refused:
        print(f"refused: {name}: {error}", file=out)
    return wrong


def fault(answer, request, seconds, megabytes):
    if "fault" in answer:
        return answer["fault"]
    if seconds > SECONDS:
        return f"{seconds:.1f} s of processor time"
    if megabytes > MEGABYTES:
        return f"{megabytes:.0f} MB"
    refused_text = answer.get("compiled") and not all(answer["accepted"])
    return "its valid text is refused" if refused_text and request["kind"] != "gbnf" else None
