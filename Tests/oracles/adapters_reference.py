"""The default model under adapters beside llama.cpp under the same, and both formats of one adapter beside each other.

    adapters_reference.py HEARTH MODEL.gguf [FOLDER]

Writes two seeded random adapters of all linear layers, each as PEFT and as llama.cpp would save it, and compares log
probabilities after some prefixes: with the first adapter, with both mixed by `lora`, and with the first one merged into the
weights. The base's own difference from llama.cpp is the measure. FOLDER holds an adapter of the default model whose answer is
known (`peft/` and a GGUF file); without it that check is skipped, and says so.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import gguf
import numpy as np

from adapters_conformance import KEYS, LAYERS, SHAPES, WIDTH, write_adapter
from live_server import NAME, Server, finish

CHECKS = []
PREFIXES = [5, 9, 16, 25, 33, 40, 48, 64, 80, 96]
TEXT = (
    "The sea was calm that morning, and the fishermen had gone out before the sun was up. In the village the bakers lit their "
    "ovens, the children slept, and the old man who kept the lighthouse wrote the weather of the night into his book, as he had "
    "done for forty years. Nobody had ever asked to read it. When the wind turned to the north he closed the book, put on his "
    "coat and went down to the harbour to see whether the boats were coming home with the tide or had stayed out for another day."
)
QUESTION, ANSWER = "What is the capital of Spain?", "Ahoy! The capital of Spain be Madrid, matey. Arr!"
GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
HEAD_WIDTH = 64


def check(function):
    CHECKS.append(function)
    return function


def write_gguf(folder, path):
    """The PEFT adapter of `folder` as llama.cpp's converter writes it: rows of queries and keys in another order."""
    data = (folder / "adapter_model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(json.loads((folder / "adapter_config.json").read_text())["lora_alpha"]))
    for layer in range(LAYERS):
        for name in SHAPES:
            for letter in "AB":
                entry = header[f"base_model.model.model.layers.{layer}.{name}.lora_{letter}.weight"]
                begin, end = (8 + size + offset for offset in entry["data_offsets"])
                values = np.frombuffer(data[begin:end], "<f2").reshape(entry["shape"])
                if letter == "B" and name in ("self_attn.q_proj", "self_attn.k_proj"):
                    heads = values.reshape(-1, 2, HEAD_WIDTH // 2, values.shape[-1])
                    values = np.ascontiguousarray(heads.swapaxes(1, 2).reshape(values.shape))
                writer.add_tensor(f"blk.{layer}.{GGUF_NAMES[name]}.weight.lora_{letter.lower()}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def post(origin, path, body):
    request = urllib.request.Request(origin + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def ours(server, model, lora=None):
    """Log probabilities after every prefix, by text: the likeliest five."""
    body = {"model": model, "prompt": server.tokens, "max_tokens": 1, "echo": True, "logprobs": 5, "temperature": 0}
    if lora is not None:
        body["lora"] = lora
    top = post(server.origin, "/v1/completions", body)["choices"][0]["logprobs"]["top_logprobs"]
    return [top[count] for count in PREFIXES]


def theirs(server, lora, peer=None):
    """The same of llama.cpp, all of the vocabulary."""
    rows = []
    for count in PREFIXES:
        question = {
            "prompt": server.tokens[:count], "n_predict": 1, "n_probs": 49152, "temperature": 0.0, "cache_prompt": False,
            "post_sampling_probs": False, "lora": lora,
        }  # fmt: skip
        answer = post(peer or server.peer, "/completion", question)
        rows.append({entry["token"]: entry["logprob"] for entry in answer["completion_probabilities"][0]["top_logprobs"]})
    return rows


def difference(mine, other):
    """Root mean square of log probabilities, over what both name."""
    pairs = [(value, row[text]) for top, row in zip(mine, other) for text, value in top.items() if text in row]
    assert len(pairs) > 4 * len(PREFIXES), f"only {len(pairs)} tokens in common"
    return float(np.sqrt(np.mean([(a - b) ** 2 for a, b in pairs])))


def compare(server, name, model, lora, peer_lora):
    """Checks that Hearth differs from llama.cpp under adapters by what it differs without, and that they change a lot."""
    base_row = theirs(server, [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 0.0}])
    row = theirs(server, peer_lora)
    base = difference(ours(server, NAME), base_row)
    found = difference(ours(server, model, lora), row)
    change = difference(ours(server, NAME), row)
    print(f"        {name}: {found:.4f} from llama.cpp, the base {base:.4f}; the adapters change {change:.3f}")
    assert found < 2 * base + 0.01 and change > 4 * found, (found, base, change)


@check
def the_text_has_as_many_tokens_as_the_longest_prefix(server):
    server.tokens = post(server.origin, "/tokenize", {"model": NAME, "prompt": TEXT})["tokens"]
    assert len(server.tokens) > max(PREFIXES), len(server.tokens)


@check
def one_adapter_is_what_it_is_in_llama_cpp(server):
    compare(server, "one adapter", f"{NAME}:peft0", None, [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 0.0}])


@check
def a_mix_is_what_it_is_in_llama_cpp(server):
    lora = [{"id": "gguf0", "scale": 0.6}, {"id": "peft1", "scale": -0.8}]
    compare(server, "a mix", NAME, lora, [{"id": 0, "scale": 0.6}, {"id": 1, "scale": -0.8}])


@check
def both_formats_are_the_same_to_the_bit(server):
    for number in (0, 1):
        assert ours(server, f"{NAME}:peft{number}") == ours(server, f"{NAME}:gguf{number}") != ours(server, NAME)
    halves = [{"id": "peft0", "scale": 0.5}, {"id": "peft1", "scale": 0.25}]
    assert ours(server, NAME, halves) == ours(server, NAME, halves[::-1]) != ours(server, NAME)


@check
def a_merged_adapter_is_the_unmerged_one_but_for_the_rounding_of_the_weights(server):
    nothing, adapter = ([{"id": 0, "scale": scale}, {"id": 1, "scale": 0.0}] for scale in (0.0, 1.0))
    base = difference(ours(server, NAME), theirs(server, nothing))
    row = theirs(server, adapter)
    change = difference(ours(server, NAME), row)
    folder = server.folder / "peft0"
    for precise in (False, True):
        path = server.folder / f"merged-{precise}.gguf"
        command = [sys.argv[1], "adapters", "merge", str(folder), "--base", sys.argv[2], "--output", str(path)]
        subprocess.run(command + ["--precise"] * precise, check=True, capture_output=True)
        answers = []
        folded = ["--merge-adapter", f"peft0={folder}"] + ["--merge-precise"] * precise
        for model, arguments in ((str(path), ()), (sys.argv[2], folded)):
            merged = Server(sys.argv[1], model, arguments=arguments)
            try:
                merged.tokens = server.tokens
                answers.append(ours(merged, NAME))
            finally:
                merged.process.terminate()
                merged.process.wait(60)
        found = difference(answers[0], row)
        print(f"        merged{' precisely' * precise}: {found:.4f} from llama.cpp with the adapter on top, the change is {change:.3f}")
        assert answers[0] == answers[1], "a file and a merged start differ"
        peer = start_peer(path, [])
        read = difference(answers[0], theirs(server, [], peer.listening_address))
        print(f"        and {read:.4f} from llama.cpp on the merged file")
        assert read < 2 * base + 0.01, (read, base)
        assert found < (2 * base + 0.01 if precise else 0.75 * change), (found, base, change)


def say(server, model):
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0, "max_tokens": 32}
    return post(server.origin, "/v1/chat/completions", body)["choices"][0]["message"]["content"]


@check
def the_known_adapter_gives_its_answer(server):
    if not server.known:
        print("        skipped: there is no folder with it")
    for name in server.known:
        said = say(server, f"{NAME}:{name}")
        assert said == ANSWER, (name, said)


@check
def the_known_adapter_gives_its_answer_when_it_is_merged(server):
    if not server.known:
        print("        skipped: there is no folder with it")
    for name, path in server.known.items():
        merged = Server(sys.argv[1], sys.argv[2], arguments=["--merge-adapter", f"{name}={path}", "--merge-precise"])
        try:
            said = say(merged, name)
        finally:
            merged.process.terminate()
            merged.process.wait(60)
        assert said == ANSWER, (name, said)


@check
def an_adapter_for_another_base_ends_the_start_with_its_name(server):
    other = server.folder / "other.gguf"
    writer = gguf.GGUFWriter(str(other), "gemma3")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    writer.add_tensor("blk.0.attn_q.weight.lora_a", np.ones((4, WIDTH), np.float32))
    writer.add_tensor("blk.0.attn_q.weight.lora_b", np.ones((WIDTH, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    shape = write_adapter(server.folder / "shape", 1, 2, 0.1, {"self_attn.k_proj": (KEYS + 1, WIDTH)})
    for path, word in ((other, "general.architecture"), (shape, "self_attn.k_proj")):
        for option in ("--adapter", "--merge-adapter"):
            command = [sys.argv[1], "serve", sys.argv[2], "--port", "0", "--storage", "off", option, f"other={path}"]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert ended.returncode > 0 and word in ended.stderr, ended


def start_peer(model, files):
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.n_ctx = 512
    settings.warmup, settings.verbosity = False, 1
    adapters = []
    for file in files:
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path, adapter.scale = str(file), 1.0
        adapters.append(adapter)
    settings.lora_adapters = adapters
    return xllamacpp.Server(settings)


def main():
    hearth, model = sys.argv[1:3]
    known = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else pathlib.Path("../shared/data/pirate-lora")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files, adapters = [], {}
        for number, strength in enumerate((0.2, 0.15)):
            adapters[f"peft{number}"] = write_adapter(folder / f"peft{number}", 11 + number, 8, strength)
            adapters[f"gguf{number}"] = write_gguf(adapters[f"peft{number}"], folder / f"gguf{number}.gguf")
            files.append(adapters[f"gguf{number}"])
        names = {"pirate": known / "peft", "pirate-file": next(iter(known.glob("*.gguf")), None)} if known.exists() else {}
        adapters |= names
        arguments = [word for name, path in adapters.items() for word in ("--adapter", f"{name}={path}")]
        peer = start_peer(model, files)
        server = Server(hearth, model, arguments=arguments)
        server.peer, server.folder, server.known = peer.listening_address, folder, names
        finish(server, CHECKS)


if __name__ == "__main__":
    main()
