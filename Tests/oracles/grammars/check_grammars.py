#!/usr/bin/env python3
"""Holds constrained decoding against the JSON Schema Test Suite, validators, and engines of others.

    scripts/check-grammars [OPTIONS] [PART …]

Parts, all of them when none is named:
    suite       the JSON Schema Test Suite, draft 2020-12, members in any order and as declared
    coverage    xgrammar and llguidance on the same instances: the suite's, and schemas as they are met
    generated   random schemas: texts out of their grammars are valid, and random instances are rightly judged
    expressions random expressions as regex, GBNF and `pattern`, beside Python's re
    hostile     sources that want all time or memory
    calls       random tokens as answers that call functions with random schemas: every call is valid
    masks       how long the tokens that may come next take to find
"""

import argparse
import os
import pathlib
import sys

import calls
import corpora
import coverage
import data
import engine as engines
import expressions
import generated
import hostile
import masks
import suite

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("HEARTH_TEST_DATA_CACHE", ROOT / ".build-testdata"))


def check_suite(arguments):
    wrong = 0
    for mode in suite.MODES:
        print(f"-- JSON Schema Test Suite, schemas taken as: {mode}")
        results = suite.run(arguments.engine, arguments.suite, mode, arguments.only)
        wrong += suite.report(results, sys.stdout)
    return wrong


def check_coverage(arguments):
    wrong = 0
    peers = [engines.peer(name, seconds=20) for name in ("xgrammar", "llguidance")]
    for corpus in arguments.corpus or ["suite", *corpora.CORPORA]:
        if corpus == "suite":
            cases = suite.cases(arguments.suite)
        else:
            cases = corpora.cases(corpus, arguments.cache, arguments.engine, arguments.every)
        comparison = coverage.Comparison([arguments.engine, *peers], cases)
        wrong += coverage.report(corpus, comparison, sys.stdout)
    return wrong


def check_generated(arguments):
    print(f"-- {arguments.schemas} random schemas, from seed {arguments.seed}")
    return generated.run(arguments.engine, range(arguments.seed, arguments.seed + arguments.schemas))


def check_expressions(arguments):
    print("-- random expressions")
    return expressions.run(arguments.engine, range(arguments.seed, arguments.seed + arguments.schemas), sys.stdout)


def check_hostile(arguments):
    print("-- hostile sources")
    return hostile.run(engines.Engine([arguments.program], "hearth", seconds=40), sys.stdout, arguments.source)


def check_calls(arguments):
    print(f"-- calls of functions with random schemas, {arguments.schemas} answers' worth, from seed {arguments.seed}")
    seeds = range(arguments.seed, arguments.seed + arguments.schemas)
    return calls.run(arguments.engine, CACHE / masks.VOCABULARIES[0][1], seeds)


def check_masks(arguments):
    print("-- tokens that may come next")
    return masks.run(arguments.engine, CACHE, sys.stdout)


PARTS = {
    "suite": check_suite,
    "coverage": check_coverage,
    "generated": check_generated,
    "expressions": check_expressions,
    "hostile": check_hostile,
    "calls": check_calls,
    "masks": check_masks,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--program", default=str(ROOT / ".build/release/grammar-checks"), help="what answers")
    parser.add_argument("--peer", choices=["xgrammar", "llguidance"], help="ask a peer instead, to see what it gets wrong")
    parser.add_argument("--suite", help="folder of the JSON Schema Test Suite; else that of the source package of jsonschema")
    parser.add_argument("--data", default=str(CACHE / "schemas"), help="folder for the files of packages with schemas")
    parser.add_argument("--corpus", action="append", choices=["suite", *corpora.CORPORA], help="only this one, in coverage")
    parser.add_argument("--every", type=int, default=1, help="only one of so many schemas of a corpus")
    parser.add_argument("--schemas", type=int, default=3000, help="number of random schemas")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first of them")
    parser.add_argument("--quick", action="store_true", help="300 random schemas, and a tenth of each corpus of many")
    parser.add_argument("--source", help="only the hostile sources with this in their name")
    parser.add_argument("--only", action="append", help="only this file of the suite")
    arguments = parser.parse_args()
    arguments.engine = engines.peer(arguments.peer) if arguments.peer else engines.Engine([arguments.program], "hearth")
    if arguments.quick:
        arguments.schemas, arguments.every = min(arguments.schemas, 300), max(arguments.every, 10)
    arguments.cache = data.Cache(arguments.data)
    arguments.suite = arguments.suite or arguments.cache.suite()
    wrong = sum(PARTS[part](arguments) for part in arguments.parts or PARTS)
    print(f"{wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
