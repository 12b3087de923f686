"""Instances for schemas that come without: values that nearly fit, each with what both validators say of it."""

import canonical
import random_schemas
import suite
import validators


def case(file, description, schema, seed, given=(), count=12, depth=5):
    """The schema with instances, `given` and made, that both validators agree on; None when they refuse the schema."""
    made = validators.validators(schema)
    if made is None:
        return None
    maker = random_schemas.SchemaMaker(seed)
    maker.root = schema
    values = list(given)
    while len(values) < len(given) + count:
        value = maker.value(depth, schema)
        values += [value, maker.near(value)]
    labelled, seen = [], set()
    for value in values:
        try:
            text = canonical.text(value)
        except canonical.NotText:
            continue
        verdict = made.verdict(value)
        if text not in seen and verdict is not None and len(text) < 20_000:
            seen.add(text)
            labelled.append((text[:100], value, verdict))
    return suite.Case(file, description, schema, labelled)
