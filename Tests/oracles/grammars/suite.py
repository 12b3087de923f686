"""The JSON Schema Test Suite, draft 2020-12, as questions: is every valid instance accepted, and no other?"""

import collections
import dataclasses
import json
import pathlib
import re

import canonical
import engine as engines

# Tests of behaviour that this server, as validators when they are told to, does not have.
SET_ASIDE = {
    "format": "`format` is asserted here, not an annotation only; optional/format has the tests for that",
}

# Valid texts that are never written, as docs/structured-output.md says: host names with encoded labels, and numbers written with an
# exponent or a needless zero where equal ones are written without.
NEVER_WRITTEN = re.compile(r'^".*xn--.*"$|^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)$|^-?[0-9]+\.0$')


# How schemas may be taken, as requests say it. Only "answer", what constrains answers, has fewer texts than the schema has
# values: members that a schema does not name are left out where it says nothing of others.
MODES = {
    "any": {"order": "any"},
    "declared": {"order": "declared", "undeclared": True},
    "answer": {"order": "declared"},
}


@dataclasses.dataclass
class Case:
    """A schema with its instances."""

    file: str
    description: str
    schema: object
    # (description, instance, whether it is valid)
    instances: list


@dataclasses.dataclass
class Wrong:
    """An instance that an engine takes for what it is not."""

    file: str
    description: str
    schema: object
    text: str
    valid: bool

    def key(self):
        return self.file, self.description, self.text

    def __str__(self):
        kind = "valid but refused" if self.valid else "INVALID but accepted"
        return f"{self.file}: {self.description}: {kind}: {self.text[:300]}\n    {json.dumps(self.schema)[:600]}"


def cases(folder):
    """The cases of the suite in a folder that holds `tests/draft2020-12`, or is it."""
    folder = pathlib.Path(folder)
    for inner in (folder / "tests" / "draft2020-12", folder / "draft2020-12"):
        if inner.is_dir():
            folder = inner
    found = []
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in SET_ASIDE:
            continue
        for group in json.loads(path.read_text()):
            instances = [(test["description"], test["data"], test["valid"]) for test in group["tests"]]
            found.append(Case(name, group["description"], group["schema"], instances))
    if len(found) < 300:
        raise SystemExit(f"{folder} does not hold the JSON Schema Test Suite: {len(found)} schemas found")
    return found


class Result:
    """What an engine made of one case."""

    def __init__(self, case, engine, mode):
        self.case, self.wrong, self.right, self.unwritable, self.left_out = case, [], 0, 0, 0
        order = MODES[mode]["order"]
        texts, spans = [], []
        for description, instance, valid in case.instances:
            try:
                variants = self.variants(instance, valid, order)
            except canonical.NotText:
                self.unwritable += 1
                continue
            spans.append((description, len(texts), len(texts) + len(variants), valid))
            texts += variants
        self.answer = engine.accepts(case.schema, texts, MODES[mode])
        accepted = engines.verdicts(self.answer, len(texts))
        self.compiled = accepted is not None
        if not self.compiled:
            return
        for description, start, end, valid in spans:
            if self.judge(accepted[start:end], valid, order) == valid:
                self.right += 1
            elif valid and (mode == "answer" or all(NEVER_WRITTEN.match(text) for text in texts[start:end])):
                self.left_out += 1
            else:
                example = texts[next((i for i in range(start, end) if accepted[i] != valid), start)]
                self.wrong.append(Wrong(case.file, f"{case.description}: {description}", case.schema, example, valid))

    @staticmethod
    def variants(instance, valid, order):
        """Both ways to put spaces; more orders of members where the engine follows one order, or must follow none."""
        if order == "any" and valid:
            return [canonical.text(instance), canonical.text(instance, canonical.DENSE)]
        return canonical.texts_in_every_order(instance)

    @staticmethod
    def judge(accepted, valid, order):
        """In any order every text of a valid instance must be accepted; in the declared order, one of them."""
        return all(accepted) if order == "any" and valid else any(accepted)


def run(engine, folder, mode="any", only=None):
    """The results of every case of the suite."""
    chosen = [case for case in cases(folder) if not only or case.file in only]
    return [Result(case, engine, mode) for case in chosen]


def table(results, out):
    """One line per file: schemas, compiled, refused with and without a pointer, instances right and wrong."""
    rows = collections.OrderedDict()
    for result in results:
        row = rows.setdefault(result.case.file, collections.Counter())
        row["schemas"] += 1
        row["compiled"] += result.compiled
        if not result.compiled:
            row["pointer" if "pointer" in result.answer else "no pointer"] += 1
        row["right"] += result.right
        row["wrong"] += len(result.wrong)
        row["left out"] += result.left_out
        row["unwritable"] += result.unwritable
    columns = ["schemas", "compiled", "pointer", "no pointer", "right", "wrong", "left out", "unwritable"]
    print(f"{'file':42}" + "".join(f"{column:>12}" for column in columns), file=out)
    total = sum(rows.values(), collections.Counter())
    for name, row in [*rows.items(), ("all", total)]:
        print(f"{name:42}" + "".join(f"{row[column]:12}" for column in columns), file=out)


def report(results, out, most=200):
    """The table, the refusals and what is wrong; the number of what is wrong, faults included."""
    table(results, out)
    for name, reason in SET_ASIDE.items():
        print(f"set aside: {name}: {reason}", file=out)
    for result in results:
        if not result.compiled:
            print(f"refused: {result.case.file}: {result.case.description}: {result.answer['error'][:200]}", file=out)
    wrong = [wrong for result in results for wrong in result.wrong]
    for one in wrong[:most]:
        print(f"WRONG {one}", file=out)
    faults = [result for result in results if "fault" in result.answer]
    for result in faults:
        print(f"FAULT {result.case.file}: {result.case.description}: {result.answer['fault']}", file=out)
    return len(wrong) + len(faults)
