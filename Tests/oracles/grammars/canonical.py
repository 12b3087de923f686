"""How a value is written where JSON leaves a choice: the one place where the checks change what others wrote.

A grammar that accepted every way to write a value would let a model ramble within one, so values are canonical:

* `1.0` is `1`, `1e2` is `100`, `-0` is `0`: equal values for JSON Schema, written as numbers without an exponent and
  without a fraction that is zero.
* Spaces stand after commas and colons, or nowhere.
* Members may be asked for in the order that the schema declares; values are then written in every order.
* Unpaired surrogates are no Unicode text, and infinity, what Python reads for numbers beyond a double, is no JSON: values
  with one cannot be written, and are set aside.
"""

import decimal
import itertools
import json
import math

SPACED, DENSE = (", ", ": "), (",", ":")
# More orders than this are not tried; the objects of the suites are small.
MOST_ORDERS = 120


class NotText(ValueError):
    """The value holds what no JSON text can."""


def text(value, separators=SPACED):
    """The canonical text of a value."""
    comma, colon = separators
    if isinstance(value, dict):
        members = (f"{string(key)}{colon}{text(member, separators)}" for key, member in value.items())
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(text(element, separators) for element in value) + "]"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return number(value)


def string(value):
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        raise NotText(written.encode("unicode_escape").decode()) from None
    return written


def number(value):
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise NotText(repr(value))
    plain = format(decimal.Decimal(repr(value)), "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def texts_in_every_order(value, limit=MOST_ORDERS):
    """The texts of a value with the members of its objects in every order, the given one first, at most `limit`."""
    return [text(ordered) for ordered in itertools.islice(orders(value), limit)]


def orders(value):
    if isinstance(value, dict):
        for keys in itertools.permutations(value):
            for members in products([value[key] for key in keys]):
                yield dict(zip(keys, members))
    elif isinstance(value, list):
        yield from (list(elements) for elements in products(value))
    else:
        yield value


def products(values):
    """Every choice of one order for each of the values, lazily."""
    if not values:
        yield ()
        return
    for first in orders(values[0]):
        for rest in products(values[1:]):
            yield (first, *rest)
