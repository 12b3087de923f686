"""Random regular expressions, and the same as GBNF and as `pattern`, beside Python's `re`."""

import json
import random
import re

CHARACTERS = "abcé日"


class Maker:
    """Makes trees of an expression: (kind, parts)."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def tree(self, depth=4):
        kinds = ["character", "class", "any"] + (["sequence"] * 3 + ["choice"] * 2 + ["repetition"] * 3 if depth > 0 else [])
        kind = self.random.choice(kinds)
        if kind == "character":
            return kind, self.random.choice(CHARACTERS)
        if kind == "class":
            return kind, (self.random.random() < 0.3, sorted(set(self.random.choices(CHARACTERS, k=2))))
        if kind == "any":
            return "class", (True, ["\n"])
        if kind == "repetition":
            low = self.random.randint(0, 2)
            bounds = self.random.choice([(0, None), (1, None), (0, 1), (low, low + self.random.randint(0, 2)), (low, None)])
            return kind, (self.tree(depth - 1), *bounds)
        return kind, [self.tree(depth - 1) for _ in range(self.random.randint(1, 3))]

    def texts(self, tree, count=14):
        made = {self.text(tree) for _ in range(count)} | {""}
        made |= {self.near(text) for text in made}
        return sorted(made)

    def text(self, tree):
        """A text that the tree matches."""
        kind, parts = tree
        if kind == "character":
            return parts
        if kind == "class":
            negated, members = parts
            return self.random.choice([c for c in "abcéxyz日-" if (c in members) != negated] or ["~"])
        if kind == "sequence":
            return "".join(map(self.text, parts))
        if kind == "choice":
            return self.text(self.random.choice(parts))
        body, low, high = parts
        return "".join(self.text(body) for _ in range(self.random.randint(low, low + 3 if high is None else high)))

    def near(self, text):
        position = self.random.randint(0, len(text))
        return text[:position] + self.random.choice(["", "a", "é", "x", "\n"]) + text[position + self.random.randint(0, 1) :]


def expression(tree):
    kind, parts = tree
    if kind == "character":
        return parts
    if kind == "class":
        return bracketed(*parts)
    if kind == "sequence":
        return "(?:" + "".join(map(expression, parts)) + ")"
    if kind == "choice":
        return "(?:" + "|".join(map(expression, parts)) + ")"
    return f"(?:{expression(parts[0])}){bounds(*parts[1:])}"


def gbnf(tree):
    kind, parts = tree
    if kind == "character":
        return json.dumps(parts, ensure_ascii=False)
    if kind == "class":
        return bracketed(*parts)
    if kind == "sequence":
        return "(" + " ".join(map(gbnf, parts)) + ")"
    if kind == "choice":
        return "(" + " | ".join(map(gbnf, parts)) + ")"
    return f"({gbnf(parts[0])}){bounds(*parts[1:])}"


def bracketed(negated, members):
    return "[" + ("^" if negated else "") + "".join("\\n" if member == "\n" else member for member in members) + "]"


def bounds(low, high):
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    return short.get((low, high), f"{{{low},{'' if high is None else high}}}")


def requests(tree, texts):
    """(what Python is asked with, the request) for each form of the same expression."""
    written = expression(tree)
    yield re.fullmatch, {"kind": "regex", "source": written, "texts": texts}
    yield re.fullmatch, {"kind": "gbnf", "source": f"root ::= {gbnf(tree)}", "texts": texts}
    quoted = [json.dumps(text, ensure_ascii=False) for text in texts]
    yield re.search, {"kind": "json_schema", "source": {"type": "string", "pattern": written}, "texts": quoted}
    anchored = f"^(?:{written})$"
    yield re.fullmatch, {"kind": "json_schema", "source": {"type": "string", "pattern": anchored}, "texts": quoted}


def run(engine, seeds, out, most=40):
    """The number of texts that are taken for what they are not, and of generated ones that do not match."""
    wrong, right, refused = [], 0, []
    for seed in seeds:
        maker = Maker(seed)
        tree = maker.tree()
        texts = maker.texts(tree)
        for match, request in requests(tree, texts):
            answer = engine.ask(op="accepts", order="any", **request)
            if not answer.get("compiled"):
                refused.append((request["kind"], request["source"], answer["error"]))
                continue
            for text, accepted in zip(texts, answer["accepted"]):
                expected = match(expression(tree), text) is not None
                right += accepted == expected
                if accepted != expected:
                    wrong.append(f"{request['kind']} {request['source']!r}: {text!r}: expected {expected}")
            if request["kind"] in ("regex", "gbnf"):
                made = engine.ask(op="generate", seed=seed, count=3, bytes=500, **request).get("texts", [])
                right += len(made)
                wrong += [
                    f"{request['kind']} {request['source']!r}: generated {text!r}"
                    for text in made
                    if re.fullmatch(expression(tree), text) is None
                ]
    print(f"expressions: {right} texts right, {len(wrong)} wrong, {len(refused)} expressions refused", file=out)
    for kind, source, error in refused[:most]:
        print(f"refused: {kind} {source!r}: {error[:150]}", file=out)
    for one in wrong[:most]:
        print(f"WRONG {one[:500]}", file=out)
    return len(wrong) + len(refused)
