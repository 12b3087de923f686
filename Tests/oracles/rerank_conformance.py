"""A live server with a cross-encoder: its scores beside numpy's, in the shapes of Cohere, Jina and vLLM.

    rerank_conformance.py HEARTH ENCODER

ENCODER is a BERT folder with a pooler, tokenizer.json and model.safetensors; with a classifier of seeded numbers it is a
cross-encoder, whose scores mean nothing and are compared all the same. Exits with 1 when a check fails.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import numpy as np

from live_server import NAME, run
from reference_decoder import Weights

FOLDER = pathlib.Path(__file__).parent
TEXTS = [text for text in json.loads((FOLDER / "embedding_texts.json").read_text()) if "[CLS]" not in text and len(text) < 800]
PAIRS = [[TEXTS[0], text] for text in TEXTS] + [[text, TEXTS[0]] for text in TEXTS]


def post(server, path, body):
    request = urllib.request.Request(server.origin + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def refusal(server, path, body):
    try:
        post(server, path, body)
    except urllib.error.HTTPError as error:
        assert error.code == 400, error
        return json.load(error)
    raise AssertionError(f"{path} accepted {body}")


class CrossEncoder:
    """A folder that the server reads, and the logits of PAIRS."""

    def __init__(self, encoder, path):
        self.path = path
        write_cross_encoder(encoder, path)
        command = [sys.executable, FOLDER / "reference_encoder.py", path, path / "pairs.json", path / "pairs"]
        subprocess.run([*command, path / "tokenizer.json"], check=True)
        self.logits = np.fromfile(path / "pairs.vectors", "<f4")


def write_cross_encoder(encoder, path):
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(encoder / name, path / name)
    config = json.loads((encoder / "config.json").read_text()) | {"architectures": ["BertForSequenceClassification"]}
    (path / "config.json").write_text(json.dumps(config))
    weights, random = Weights(encoder), np.random.default_rng(7)
    tensors = {"bert." + name: weights[name] for name in weights._tensors if "position_ids" not in name}
    tensors["classifier.weight"] = random.normal(size=(1, config["hidden_size"])).astype("<f4")
    tensors["classifier.bias"] = np.array([0.25], "<f4")
    from safetensors.numpy import save_file

    save_file(tensors, path / "model.safetensors")
    (path / "pairs.json").write_text(json.dumps(PAIRS))


def scores_equal_the_reference(server):
    logits = server.client.logits
    body = {"model": NAME, "text_1": [pair[0] for pair in PAIRS], "text_2": [pair[1] for pair in PAIRS]}
    raw = post(server, "/v1/score", {**body, "use_activation": False})
    assert raw["scoring"] == {"method": "cross-encoder", "measure": "logit"}, raw["scoring"]
    found = np.array([item["score"] for item in raw["data"]])
    print(f"        logits from {logits.min():.2f} to {logits.max():.2f}; worst distance {np.abs(found - logits).max():.1e}")
    assert np.abs(found - logits).max() < 1e-4
    answer = post(server, "/v1/score", body)
    assert answer["scoring"] == {"method": "cross-encoder", "measure": "sigmoid"}, answer["scoring"]
    assert np.abs([item["score"] for item in answer["data"]] - 1 / (1 + np.exp(-logits))).max() < 1e-5
    tokens = json.loads((server.client.path / "pairs.tokens.json").read_text())
    assert answer["usage"]["prompt_tokens"] == sum(len(pair["tokens"]) for pair in tokens)


def documents_come_best_first(server):
    logits = server.client.logits
    body = {"model": NAME, "query": TEXTS[0], "documents": TEXTS, "top_n": 5, "return_documents": True}
    expected = np.argsort(-logits[: len(TEXTS)], kind="stable")[:5]
    for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
        results = post(server, path, body)["results"]
        assert [result["index"] for result in results] == list(expected), (results, expected)
        assert [result["document"]["text"] for result in results] == [TEXTS[index] for index in expected]
    alone = post(server, "/v1/rerank", {**body, "documents": TEXTS[3:4]})["results"][0]
    whole = post(server, "/v1/rerank", {**body, "top_n": None})["results"]
    assert alone["relevance_score"] == next(result for result in whole if result["index"] == 3)["relevance_score"]


def what_it_does_not_do_is_said(server):
    for path, body in (
        ("/v1/embeddings", {"input": "a"}),
        ("/api/embed", {"input": "a"}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a"}]}),
    ):
        assert "scores pairs of texts" in json.dumps(refusal(server, path, {"model": NAME, **body})), path
    body = {"model": NAME, "query": "", "documents": ["a"]}
    assert refusal(server, "/v1/rerank", body)["error"]["param"] == "query"
    body = {"model": NAME, "query": "a", "documents": ["a", ""]}
    assert refusal(server, "/v1/rerank", body)["error"]["param"] == "documents[1]"
    body = {"model": NAME, "text_1": "a " * 300, "text_2": ["b", "b " * 300]}
    error = refusal(server, "/v1/score", body)["error"]
    assert error["param"] == "text_2[1]" and "603" in error["message"] and "512" in error["message"], error


CHECKS = [scores_equal_the_reference, documents_come_best_first, what_it_does_not_do_is_said]


def main():
    with tempfile.TemporaryDirectory() as folder:
        cross = CrossEncoder(pathlib.Path(sys.argv[2]), pathlib.Path(folder))
        sys.argv[2] = folder
        run(CHECKS, lambda _: cross)


if __name__ == "__main__":
    main()
