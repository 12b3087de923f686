"""Random schemas that use every keyword, and random instances that come near to what they allow."""

import random
import string

NAMES = ["a", "b", "c", "name", "id", "tag_1", "x-ray", "ключ", 'q"t', "日本"]
WORDS = ["", "a", "b", "ab", "abc", "hello", "x1", "12", "é", "日本", "😀", 'say "hi"', "back\\slash", "line\nbreak", "\t", "A-9"]
PATTERNS = [
    "^a", "b$", "^[a-c]+$", "^\\d{2,4}$", "^(foo|bar)?x*$", "[0-9]", "^.{1,3}$", "^[^a-m]*$", "^\\w+-\\w+$", "^$", "é|日",
    "^(?!ab)[a-z]+$", "^\\S+$", "^[A-Z][a-z]*( [A-Z][a-z]*)*$",
]  # fmt: skip
NAME_PATTERNS = ["^a", "^x-", "[0-9]$", "^[a-c]$"]
FORMATS = ["date-time", "date", "time", "uuid", "email", "ipv4", "ipv6", "uri"]
EXAMPLES = [
    "2024-02-29T12:30:00Z", "2023-02-29", "2024-02-29", "23:59:59+01:00", "3e4666bf-d5e5-4aa7-b8ce-cefe41c7568a", "a@b.example",
    "127.0.0.1", "256.1.1.1", "::1", "2001:db8::ff00:42:8329", "https://example.com/a?b=c#d", "not a uri",
]  # fmt: skip


class SchemaMaker:
    """Makes one schema at a time, `depth` levels deep at most, from a seed."""

    def __init__(self, seed, depth=3):
        self.random = random.Random(seed)
        self.depth = depth
        self.definitions = 0
        # What references in instances' schemas are followed in.
        self.root = {}

    def schema(self):
        self.definitions = self.random.choice([0, 0, 1, 2])
        schema = self.subschema(self.depth)
        if self.definitions and isinstance(schema, dict):
            schema["$defs"] = {f"d{index}": self.subschema(self.depth - 1) for index in range(self.definitions)}
        self.root = schema
        return schema

    def subschema(self, depth):
        if depth <= 0:
            return self.random.choice([True, {}, *[self.typed("scalar", 0) for _ in range(8)]])
        kinds = ["scalar"] * 4 + ["object"] * 5 + ["array"] * 4 + ["combined"] * 4 + ["listed"] * 2 + ["reference", "untyped"]
        kind = self.random.choice(kinds)
        make = {"combined": self.combined, "listed": self.listed, "reference": self.reference, "untyped": self.untyped}
        schema = make[kind](depth) if kind in make else self.typed(kind, depth)
        return schema

    def typed(self, kind, depth):
        if kind == "object":
            return {"type": "object", **self.object(depth)}
        if kind == "array":
            return {"type": "array", **self.array(depth)}
        types = ["string", "number", "integer", "boolean", "null"]
        if self.chance(0.1):
            chosen = self.random.sample(types + ["object", "array"], 2)
            schema = {"type": chosen}
        else:
            schema = {"type": self.random.choice(types)}
        schema.update(self.string() if self.chance(0.5) else self.number())
        return schema

    def untyped(self, depth):
        """Keywords of several types and no `type`: each binds only values of its own."""
        parts = [self.object, self.array, lambda _: self.string(), lambda _: self.number()]
        schema = {}
        for part in self.random.sample(parts, 2):
            schema.update(part(depth))
        return schema

    def reference(self, depth):
        if not self.definitions:
            return self.typed("scalar", depth)
        return {"$ref": f"#/$defs/d{self.random.randrange(self.definitions)}"}

    def listed(self, depth):
        if self.chance(0.3):
            return {"const": self.value(2)}
        values = []
        for _ in range(self.random.randint(1, 5)):
            value = self.value(2)
            if value not in values:
                values.append(value)
        return {"enum": values}

    def combined(self, depth):
        keyword = self.random.choice(["anyOf", "anyOf", "oneOf", "allOf", "not", "if"])
        base = self.typed(self.random.choice(["scalar", "object", "array"]), depth - 1) if self.chance(0.5) else {}
        if keyword == "not":
            return {**base, "not": self.subschema(depth - 2)}
        if keyword == "if":
            schema = {**base, "if": self.subschema(depth - 1)}
            for branch in ("then", "else"):
                if self.chance(0.7):
                    schema[branch] = self.subschema(depth - 1)
            return schema
        schema = {**base, keyword: [self.subschema(depth - 1) for _ in range(self.random.randint(1, 3))]}
        if self.chance(0.15):
            schema["unevaluatedProperties"] = self.random.choice([False, {"type": "integer"}])
        if self.chance(0.1):
            schema["unevaluatedItems"] = self.random.choice([False, {"type": "string"}])
        return schema

    def object(self, depth):
        names = self.random.sample(NAMES, self.random.randint(0, 4))
        schema = {"properties": {name: self.subschema(depth - 1) for name in names}} if names else {}
        if self.chance(0.5):
            pool = names + (["z"] if self.chance(0.1) else [])
            schema["required"] = [name for name in pool if self.chance(0.5)]
        if self.chance(0.5):
            schema["additionalProperties"] = self.random.choice([False, False, True, self.subschema(depth - 1)])
        if self.chance(0.15):
            chosen = self.random.sample(NAME_PATTERNS, self.random.randint(1, 2))
            schema["patternProperties"] = {pattern: self.subschema(depth - 1) for pattern in chosen}
        if self.chance(0.12):
            schema["minProperties"] = self.random.randint(0, 2)
        if self.chance(0.12):
            schema["maxProperties"] = self.random.randint(1, 4)
        if self.chance(0.08):
            schema["propertyNames"] = self.random.choice([{"maxLength": 3}, {"pattern": "^[a-z]"}, {"enum": ["a", "b", "name"]}])
        if self.chance(0.08) and len(names) > 1:
            schema["dependentRequired"] = {names[0]: [names[1]]}
        if self.chance(0.06) and names:
            schema["dependentSchemas"] = {names[0]: self.subschema(depth - 2)}
        return schema

    def array(self, depth):
        schema = {}
        if self.chance(0.75):
            schema["items"] = self.subschema(depth - 1)
        if self.chance(0.25):
            schema["prefixItems"] = [self.subschema(depth - 1) for _ in range(self.random.randint(1, 3))]
        if self.chance(0.35):
            schema["minItems"] = self.random.randint(0, 3)
        if self.chance(0.35):
            schema["maxItems"] = schema.get("minItems", 0) + self.random.randint(0, 3)
        if self.chance(0.12):
            schema["uniqueItems"] = True
        if self.chance(0.12):
            schema["contains"] = self.subschema(depth - 2)
            if self.chance(0.4):
                schema["minContains"] = self.random.randint(0, 2)
            if self.chance(0.4):
                schema["maxContains"] = self.random.randint(1, 3)
        return schema

    def string(self):
        schema, choice = {}, self.random.random()
        if choice < 0.25:
            schema["pattern"] = self.random.choice(PATTERNS)
        elif choice < 0.4:
            schema["format"] = self.random.choice(FORMATS)
        if self.chance(0.35):
            schema["minLength"] = self.random.randint(0, 4)
        if self.chance(0.35):
            schema["maxLength"] = schema.get("minLength", 0) + self.random.randint(0, 5)
        return schema

    def number(self):
        schema = {}
        low = self.random.choice([0, 1, -5, 0.5, -1.25, 10, 99, 1000])
        if self.chance(0.5):
            schema[self.random.choice(["minimum", "minimum", "exclusiveMinimum"])] = low
        if self.chance(0.5):
            schema[self.random.choice(["maximum", "maximum", "exclusiveMaximum"])] = low + self.random.choice([0, 1, 0.5, 7, 250])
        if self.chance(0.2):
            schema["multipleOf"] = self.random.choice([1, 2, 3, 5, 10, 0.5, 0.25, 0.01, 2.5])
        return schema

    def chance(self, probability):
        return self.random.random() < probability

    # Instances.

    def value(self, depth, schema=True):
        """A value that `schema` may well allow; whether it does is for a validator to say."""
        schema = self.followed(schema)
        if self.chance(0.12):
            schema = {}
        if "const" in schema and self.chance(0.8):
            return schema["const"]
        if "enum" in schema and self.chance(0.8):
            return self.random.choice(schema["enum"])
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in schema and self.chance(0.8):
                return self.value(depth, {**schema, **self.branch(schema, keyword)})
        kinds = ["string", "integer", "number", "boolean", "null"] + (["object", "array"] if depth > 0 else [])
        kind = schema.get("type", self.random.choice(kinds))
        kind = self.random.choice(kind) if isinstance(kind, list) else kind
        if depth < -6:
            kind = "null"
        return {"object": self.object_value, "array": self.array_value}.get(kind, self.scalar)(depth, schema, kind)

    def branch(self, schema, keyword):
        return {keyword: [{}], **self.followed(self.random.choice(schema[keyword]))}

    def followed(self, schema):
        """The schema that references within `root` lead to."""
        for _ in range(5):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            target = self.root
            for part in str(schema["$ref"]).lstrip("#").split("/")[1:]:
                part = part.replace("~1", "/").replace("~0", "~")
                target = target.get(part, {}) if isinstance(target, dict) else {}
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target, **rest} if isinstance(target, dict) else rest
        return schema if isinstance(schema, dict) else {}

    def object_value(self, depth, schema, kind):
        members = {}
        properties = schema.get("properties", {})
        for name, inner in properties.items():
            if name in schema.get("required", []) or self.chance(0.6):
                members[name] = self.value(depth - 1, inner)
        if self.chance(0.25):
            extra = schema.get("additionalProperties", True)
            members[self.random.choice(NAMES)] = self.value(depth - 1, extra)
        if self.chance(0.15):
            items = list(members.items())
            self.random.shuffle(items)
            members = dict(items)
        return members

    def array_value(self, depth, schema, kind):
        least = schema.get("minItems", 0)
        most = max(least, min(schema.get("maxItems", 4), 6))
        count = self.random.randint(least, most) + (1 if self.chance(0.1) else 0)
        prefix = schema.get("prefixItems", [])
        return [
            self.value(depth - 1, prefix[index] if index < len(prefix) else schema.get("items", True)) for index in range(count)
        ]

    def scalar(self, depth, schema, kind):
        if kind == "string":
            if "format" in schema or self.chance(0.1):
                return self.random.choice(EXAMPLES)
            if self.chance(0.6):
                return self.random.choice(WORDS)
            return "".join(self.random.choice("abcxyz019-AZ é" + string.punctuation) for _ in range(self.random.randint(0, 7)))
        if kind in ("integer", "number"):
            near = [schema[key] for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if key in schema]
            base = self.random.choice(near or [0, 5, -3, 100]) + self.random.choice([0, 0, 1, -1, 2, 10])
            if kind == "number" or self.chance(0.1):
                base += self.random.choice([0, 0.5, 0.25, 0.01, -0.5])
            return round(base, 6) if kind == "number" or base != int(base) else int(base)
        return None if kind == "null" else self.chance(0.5)

    def near(self, value):
        """The value with one thing in it changed."""
        if isinstance(value, dict) and value and self.chance(0.8):
            key = self.random.choice(list(value))
            if self.chance(0.25):
                return {name: member for name, member in value.items() if name != key}
            if self.chance(0.15):
                return {**value, self.random.choice(NAMES): self.value(1)}
            return {name: self.near(member) if name == key else member for name, member in value.items()}
        if isinstance(value, list) and value and self.chance(0.8):
            index = self.random.randrange(len(value))
            if self.chance(0.25):
                return value[:index] + value[index + 1 :]
            if self.chance(0.2):
                return value + [value[index]]
            return value[:index] + [self.near(value[index])] + value[index + 1 :]
        if isinstance(value, str) and self.chance(0.6):
            position = self.random.randint(0, len(value))
            return value[:position] + self.random.choice(["a", "Z", "9", "-", "é"]) + value[position + (1 if self.chance(0.5) else 0) :]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self.chance(0.7):
            return round(value + self.random.choice([1, -1, 0.5, 100, 0.001]), 6)
        return self.value(1)
