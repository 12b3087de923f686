"""The official `openai` client on a live server with an embedding model, and its vectors beside numpy's.

    embedding_conformance.py HEARTH MODEL REFERENCE.vectors

REFERENCE.vectors is what reference_encoder.py wrote for embedding_texts.json. Exits with 1 when a check fails.
"""

import json
import pathlib
import re
import subprocess
import sys
import urllib.request

import numpy as np
import openai

from live_server import finish

TEXTS = json.loads(pathlib.Path(__file__).with_name("embedding_texts.json").read_text())
# Written-out special tokens are text to the server, and tokens to the tokenizer that made the reference.
PLAIN = [index for index, text in enumerate(TEXTS) if "[CLS]" not in text]


class Server:
    def __init__(self, hearth, model):
        command = [hearth, "serve", model, "--port", "0", "--alias", "text-embedding-3-small", "--log-level", "warning"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.origin = re.search(r"http://\S+", line)[0]
        self.client = openai.OpenAI(base_url=self.origin + "/v1", api_key="none", max_retries=0)

    def post(self, path, body):
        request = urllib.request.Request(self.origin + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request))

    def embed(self, texts, **extra):
        return self.client.embeddings.create(model="text-embedding-3-small", input=texts, **extra)


def rows(answer):
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return np.array([item.embedding for item in answer.data])


def vectors_equal_the_reference(server, reference):
    found = rows(server.embed([TEXTS[index] for index in PLAIN]))
    cosines = (found * reference[PLAIN]).sum(-1) / np.linalg.norm(found, axis=-1)
    print(f"        worst cosine to numpy: 1 - {1 - cosines.min():.2e}")
    assert cosines.min() >= 0.9999


def alone_and_together_are_equal(server, _):
    together = rows(server.embed(TEXTS))
    for text, vector in zip(TEXTS[:6], together):
        assert (rows(server.embed(text))[0] == vector).all()


def encodings_agree(server, _):
    # Without a format the client asks for base64 and decodes it.
    coded = rows(server.embed(TEXTS[:4]))
    plain = rows(server.embed(TEXTS[:4], encoding_format="float"))
    assert (coded.astype(np.float32) == plain.astype(np.float32)).all()


def token_ids_are_texts(server, _):
    tokens = [server.post("/tokenize", {"prompt": text})["tokens"] for text in TEXTS[:4]]
    assert all(ids[0] == 101 and ids[-1] == 102 for ids in tokens)
    texts = rows(server.embed(TEXTS[:4]))
    assert (rows(server.embed(tokens)) == texts).all() and (rows(server.embed(tokens[2]))[0] == texts[2]).all()


def rerank_and_score_are_cosines(server, reference):
    pair = {"model": "text-embedding-3-small", "query": TEXTS[2], "documents": [TEXTS[4], TEXTS[3]]}
    results = server.post("/v1/rerank", pair)["results"]
    assert [result["index"] for result in results] == [1, 0]
    pair = {"model": "text-embedding-3-small", "text_1": TEXTS[2], "text_2": TEXTS[3]}
    score = server.post("/v1/score", pair)["data"][0]["score"]
    assert score == results[0]["relevance_score"] and abs(score - reference[2] @ reference[3]) < 1e-4


def it_is_counted(server, _):
    metrics = urllib.request.urlopen(server.origin + "/metrics").read().decode()
    texts = re.search(r"^hearth_embedding_texts_total\{.*\} (\d+)$", metrics, re.M)
    assert int(texts[1]) > 1000, metrics


def dimensions_are_cut_and_normed(server, _):
    whole, short = rows(server.embed(TEXTS[:4])), rows(server.embed(TEXTS[:4], dimensions=64))
    cut = whole[:, :64] / np.linalg.norm(whole[:, :64], axis=-1, keepdims=True)
    assert short.shape == (4, 64) and np.abs(short - cut).max() < 1e-6


def a_thousand_texts_at_once(server, _):
    texts = [f"text number {index} " + "word " * (index % 50) for index in range(1000)]
    answer = server.embed(texts)
    assert len(answer.data) == 1000 and answer.usage.prompt_tokens > 20_000
    assert (rows(server.embed(texts[777]))[0] == rows(answer)[777]).all()


def errors_have_their_parameter(server, _):
    def error_of(texts, **extra):
        try:
            server.embed(texts, **extra)
        except openai.BadRequestError as error:
            return error
        raise AssertionError(f"{texts!r:.60} was accepted")

    assert error_of("").param == "input"
    assert error_of(["a", ""]).param == "input[1]"
    long = error_of(["a", "word " * 600])
    assert long.code == "context_length_exceeded" and "602" in long.message and "512" in long.message
    assert error_of("a", dimensions=385).param == "dimensions"
    assert error_of([[10**6]]).param == "input[0]"


CHECKS = [
    vectors_equal_the_reference, alone_and_together_are_equal, encodings_agree, token_ids_are_texts,
    dimensions_are_cut_and_normed, rerank_and_score_are_cosines, a_thousand_texts_at_once, it_is_counted,
    errors_have_their_parameter,
]  # fmt: skip


def main():
    reference = np.fromfile(sys.argv[3], "<f4").reshape(len(TEXTS), -1)
    finish(Server(sys.argv[1], sys.argv[2]), CHECKS, reference)


if __name__ == "__main__":
    main()
