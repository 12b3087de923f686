"""What Python's jsonschema and Rust's jsonschema-rs say of instances, asked together."""

import contextlib
import fractions
import signal

import jsonschema
import jsonschema.validators
import jsonschema_rs


def exact_multiple(validator, divisor, instance, schema):
    """`multipleOf` on decimals as they are written; jsonschema divides binary floats."""
    if not validator.is_type(instance, "number"):
        return
    if (fractions.Fraction(repr(instance)) / fractions.Fraction(repr(divisor))).denominator != 1:
        yield jsonschema.ValidationError(f"{instance!r} is not a multiple of {divisor!r}")


@contextlib.contextmanager
def at_most(seconds):
    """Interrupts what goes on for longer, as Python's expressions do that go back and forth."""

    def interrupt(number, frame):
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class Validators:
    """Both validators for one schema, formats asserted.

    They differ in some formats, in what an expression's escapes mean, and where one of them has no limit: `verdict` is None
    then, and nobody can be held against it.
    """

    def __init__(self, schema):
        base = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind = jsonschema.validators.extend(base, {"multipleOf": exact_multiple})
        self.python = kind(schema, format_checker=base.FORMAT_CHECKER)
        self.rust = jsonschema_rs.validator_for(schema, validate_formats=True)

    def both(self, instance):
        """What each says: (jsonschema, jsonschema-rs); None of one that gives up."""
        try:
            with at_most(seconds=1):
                python = self.python.is_valid(instance)
        except Exception:  # references, expressions and depths that it cannot follow raise many kinds
            python = None
        try:
            rust = self.rust.is_valid(instance)
        except Exception:
            rust = None
        return python, rust

    def verdict(self, instance):
        python, rust = self.both(instance)
        return python if python == rust else None


def validators(schema):
    """None when one of the validators does not take the schema."""
    try:
        made = Validators(schema)
        made.rust.is_valid(None)
        made.python.is_valid(None)
    except Exception:
        return None
    return made
