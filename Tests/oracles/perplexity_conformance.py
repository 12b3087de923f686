"""Perplexity of the served arithmetic beside the numpy reference's, on the same tokens.

    perplexity_conformance.py HEARTH MODEL.gguf [TEXT]

Without TEXT it reads this project's own licence and documents, so that it runs anywhere. Fails when the two differ by
more than 1 %.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from reference_decoder import ReferenceDecoder, perplexity

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHUNK, CHUNKS, LIMIT = 256, 4, 0.01


def text_to_read():
    if len(sys.argv) > 3:
        return pathlib.Path(sys.argv[3])
    text = "\n".join((ROOT / name).read_text() for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE"))
    file = tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False)
    with file:
        file.write(text)
    return pathlib.Path(file.name)


def output_of(*command):
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{process.stderr}")
    return json.loads(process.stdout)


def main():
    hearth, model, text = sys.argv[1], sys.argv[2], text_to_read()
    ours = output_of(hearth, "perplexity", model, text, "--chunk", CHUNK, "--chunks", CHUNKS, "--json")
    tokens = output_of(hearth, "tokenize", model, "--file", text, "--json")["tokens"]
    theirs, scored = perplexity(ReferenceDecoder(model), tokens, CHUNK, CHUNKS)
    difference = abs(ours["perplexity"] / theirs - 1)
    print(f"perplexity {ours['perplexity']:.3f}, reference {theirs:.3f}, difference {100 * difference:.2f} %, {scored} tokens")
    failed = difference > LIMIT or ours["tokens"] != scored
    print(f"{0 if failed else 1} passed, {1 if failed else 0} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
