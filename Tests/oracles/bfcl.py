"""The Berkeley Function Calling Leaderboard, v4, as its package has it: questions, functions, and what judges calls."""

import json
import os
import pathlib
import sys
import types
import zipfile

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).parent / "grammars"))
import data  # noqa: E402

CATEGORIES = ["simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple", "irrelevance"]


def unpacked(folder):
    """The folder of the package's files, taken out of its wheel once: they are imported, and read by their paths."""
    wheel = data.Cache(folder).file("bfcl-eval")
    place = wheel.with_name(wheel.name.split("-py3")[0])
    done = place / "done"
    if not done.exists():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place)
        done.touch()
    return place


class Leaderboard:
    """BFCL's own code where there is some. `underscore_to_dot` is all that its checker asks of its table of models, which
    would import the clients of twenty vendors: the table is replaced by the one row that is needed."""

    MODEL = "hearth"

    def __init__(self, folder):
        place = unpacked(folder)
        os.environ["BFCL_PROJECT_ROOT"] = str(place / "results")
        sys.path.insert(0, str(place))
        table = types.ModuleType("bfcl_eval.constants.model_config")
        table.MODEL_CONFIG_MAPPING = {self.MODEL: types.SimpleNamespace(underscore_to_dot=True)}
        sys.modules[table.__name__] = table
        from bfcl_eval import utils
        from bfcl_eval.constants import enums, type_mappings
        from bfcl_eval.eval_checker.ast_eval import ast_checker
        from bfcl_eval.model_handler.utils import convert_to_tool

        self.utils, self.enums, self.types = utils, enums, type_mappings
        self.checker, self.convert = ast_checker.ast_checker, convert_to_tool

    def items(self, category):
        """Every item of a category, in the order of the package."""
        asked = self.utils.load_dataset_entry(category)
        judged = self.utils.load_dataset_entry(category, include_language_specific_hint=False)
        answers = {}
        if category != "irrelevance":
            answers = {entry["id"]: entry["ground_truth"] for entry in self.utils.load_ground_truth_entry(category)}
        pairs = zip(asked, judged, strict=True)
        return [Item(self, category, one, other["function"], answers.get(one["id"])) for one, other in pairs]


class Item:
    """A question with its functions, and the calls that are right."""

    def __init__(self, board, category, entry, functions, truth):
        self.board, self.category, self.name = board, category, entry["id"]
        (self.messages,) = entry["question"]
        style = board.enums.ModelStyle.OPENAI_COMPLETIONS
        self.tools = board.convert(entry["function"], board.types.GORILLA_TO_OPENAPI, style)
        self.functions, self.truth = functions, truth
        self.schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in self.tools}
        self.validators = {name: validator(schema) for name, schema in self.schemas.items()}

    def fault(self, name, text):
        """What is wrong with a call beside what was asked for: (kind, words), or None."""
        if name not in self.schemas:
            return "unknown functions", name
        try:
            arguments = json.loads(text)
        except ValueError as error:
            return "parse failures", f"{error}: {text[:200]}"
        judge = self.validators[name]
        errors = list(judge.iter_errors(arguments)) if judge else []
        return ("schema violations", f"{errors[0].message[:200]}: {text[:200]}") if errors else None

    def right(self, calls):
        """Whether BFCL's checker takes the calls, (name, arguments as text) each, for the right ones."""
        if self.category == "irrelevance":
            return not calls
        language = {"simple_java": "JAVA", "simple_javascript": "JAVASCRIPT"}.get(self.category, "PYTHON")
        try:
            decoded = [{name: json.loads(text)} for name, text in calls]
        except ValueError:
            return False
        if not decoded:
            return False
        language = self.board.enums.Language[language]
        verdict = self.board.checker(self.functions, decoded, self.truth, language, self.category, Leaderboard.MODEL)
        return verdict["valid"]


def validator(schema):
    """None where the schema is none: then nothing can be said of arguments."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError:
        return None
    return jsonschema.Draft202012Validator(schema)
