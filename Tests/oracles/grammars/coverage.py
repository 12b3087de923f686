"""Engines beside each other on the same schemas and instances: what each takes, and what it gets right."""

import collections

import suite


class Comparison:
    """The results of several engines on the same cases, ours first."""

    def __init__(self, engines, cases):
        self.names = [engine.name for engine in engines]
        self.cases = cases
        self.results = {}
        for engine in engines:
            # Peers follow one order; it is right when they take a valid instance in some order, and an invalid in none.
            mode = "any" if engine is engines[0] else "declared"
            self.results[engine.name] = [suite.Result(case, engine, mode) for case in cases]

    def row(self, name):
        row = collections.Counter()
        for result in self.results[name]:
            row["schemas"] += 1
            row["compiled"] += result.compiled
            row["faults"] += "fault" in result.answer
            row["right"] += result.right
            row["too wide"] += sum(not wrong.valid for wrong in result.wrong)
            row["too narrow"] += sum(wrong.valid for wrong in result.wrong)
            row["all right"] += result.compiled and not result.wrong
        return row

    def wrong_here(self):
        """(what we get wrong, the peers that are right there): no peer may ever be."""
        ours, *peers = self.names
        for index, result in enumerate(self.results[ours]):
            for wrong in result.wrong:
                others = [(name, self.results[name][index]) for name in peers]
                yield wrong, [name for name, other in others if other.compiled and not has(other.wrong, wrong)]

    def refused_here_only(self):
        """(peer, case, our reason) where we refuse a schema that a peer takes and gets all instances of right."""
        ours, *peers = self.names
        for index, result in enumerate(self.results[ours]):
            for name in peers:
                other = self.results[name][index]
                if not result.compiled and other.compiled and not other.wrong and other.right:
                    yield name, result.case, result.answer


def has(wrongs, wrong):
    """Whether the same instance is among them, by its description: its members may stand in another order."""
    return any(other.description == wrong.description for other in wrongs)


COLUMNS = ["schemas", "compiled", "all right", "right", "too wide", "too narrow", "faults"]


def report(corpus, comparison, out, most=40):
    """The rows of one corpus, and what is wrong here, which is counted."""
    print(f"{corpus:14}{'engine':12}" + "".join(f"{column:>12}" for column in COLUMNS), file=out)
    for name in comparison.names:
        row = comparison.row(name)
        print(f"{'':14}{name:12}" + "".join(f"{row[column]:12}" for column in COLUMNS), file=out)
    refused = collections.Counter()
    for name, case, answer in comparison.refused_here_only():
        refused[name, answer["error"].split(": ", 1)[-1][:110]] += 1
    for (name, text), count in refused.most_common(most):
        print(f"refused here, all right in {name}: {count}: {text}", file=out)
    wrongs = list(comparison.wrong_here())
    for wrong, right in wrongs[:most]:
        print(f"WRONG here, right in {' and '.join(right) or 'no peer'}: {wrong}", file=out)
    faults = [result for result in comparison.results[comparison.names[0]] if "fault" in result.answer]
    for result in faults:
        print(f"FAULT {corpus}: {result.case.description}: {result.answer['fault']}", file=out)
    return len(wrongs) + len(faults)
