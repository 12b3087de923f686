"""Requests that schemathesis derives from the server's own OpenAPI document, and answers held against it.

    openapi_conformance.py HEARTH CHAT-MODEL EMBEDDING-MODEL [EXAMPLES] [SEED]

No answer may be a 5xx or outside the document. Requests that the document allows may be refused: what fields mean together is
not in it. EXAMPLES is how many requests each operation gets beside those that go through bounds and types. Exits with 1 when
a check fails.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

import openapi_spec_validator

CHAT, EMBEDDING = "chat", "embedding"
# These need resources that come and go, or a key.
LEFT_OUT = "positive_data_acceptance,use_after_free,ensure_resource_availability,ignored_auth"


def serve(hearth, model, embedding, context="128"):
    """A server with small contexts, so that answers end soon; names as `document` puts them."""
    command = [hearth, "serve", model, "--embed", embedding, "--port", "0", "--alias", CHAT, "--context-length", context]
    command += ["--storage", "memory"]
    process = subprocess.Popen([*command, "--log-level", "warning"], stdout=subprocess.PIPE, text=True)
    return process, re.search(r"http://\S+", process.stdout.readline())[0]


def document(origin, embedding):
    """The server's document, with the models that there are for names of models: others are all 404."""
    found = json.load(urllib.request.urlopen(origin + "/openapi.json"))
    openapi_spec_validator.validate(found)
    names = [model["id"] for model in json.load(urllib.request.urlopen(origin + "/v1/models"))["data"]]
    for path, methods in found["paths"].items():
        wanted = pathlib.Path(embedding).name if re.search("embed|rerank|score", path) else CHAT
        assert wanted in names, f"no model {wanted} among {names}"
        for operation in methods.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            if model := body.get("properties", {}).get("model"):
                model["enum"] = [wanted, None] if "null" in model["type"] else [wanted]
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    parameter["schema"] = {"type": "string", "enum": [wanted, "another"]}
    return found


def main(hearth, model, embedding, examples="15", seed="1"):
    process, origin = serve(hearth, model, embedding)
    try:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "openapi.json").write_text(json.dumps(document(origin, embedding)))
            program = pathlib.Path(sys.executable).absolute().with_name("schemathesis")
            command = [program, "run", "openapi.json", "--url", origin, "--generation-database", "none"]
            command += ["--checks", "all", "--exclude-checks", LEFT_OUT, "--phases", "examples,coverage,fuzzing"]
            command += ["--max-examples", examples, "--seed", seed, "--request-timeout", "120", "--continue-on-failure"]
            # It leaves files where it runs.
            result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        urllib.request.urlopen(origin + "/health", timeout=10)
    finally:
        process.terminate()
        process.wait(30)
    summary = result.stdout[result.stdout.find("= SUMMARY") :] if result.returncode == 0 else result.stdout
    print(summary + result.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
