#!/usr/bin/env python3
"""Compares `hearth tokenize` with Hugging Face's `tokenizers` on 24 MB of mixed text, code and emoji.

    python3 Tests/oracles/tokenizer_oracle.py HEARTH MODEL [--megabytes 24]

The model is a folder with a `tokenizer.json`, or a GGUF file with the `smollm` pre-tokenizer, whose vocabulary and
merges make a Hugging Face tokenizer: single digits apart, then GPT-2's pattern, then byte-level BPE. The text is the sources of Python's standard library, the
machine's documentation, and generated text: scalars of every script, emoji sequences, all kinds of white space,
numbers. The generated part is the same everywhere. Exits with 1 at the first difference, and shows it.
"""

import argparse
import gzip
import pathlib
import random
import subprocess
import sys
import sysconfig
import tempfile
import time

import gguf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

PART_BYTES = 1_000_000


def reference(path):
    """The Hugging Face tokenizer of a folder, or the one that the vocabulary of a GGUF file describes."""
    if pathlib.Path(path).is_dir():
        tokenizer = Tokenizer.from_file(str(pathlib.Path(path) / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # Text from outside is only text, whatever is written in it.
        tokenizer.encode_special_tokens = True
        return tokenizer, [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    fields = gguf.GGUFReader(path).fields
    name = fields["tokenizer.ggml.pre"].contents()
    if name != "smollm":
        sys.exit(f"{path} has the pre-tokenizer {name}; this comparison is for smollm")
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, tokens


def files_of_the_machine():
    """Sources and documents, in an order that does not depend on the file system."""
    library = pathlib.Path(sysconfig.get_paths()["stdlib"])
    yield from sorted(path for path in library.rglob("*.py") if "site-packages" not in path.parts)
    for folder in ("/usr/share/doc", "/usr/share/common-licenses", "/usr/share/perl"):
        yield from sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())


def text_of(path):
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError):
        return ""
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def generated(generator, size):
    """Text that no file has: what pre-tokenizers and merges are most likely to get wrong."""
    blocks = [(0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xEFF),
              (0x1000, 0x10FF), (0x1780, 0x17FF), (0x2000, 0x206F), (0x2190, 0x27BF), (0x3000, 0x30FF),
              (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x1D400, 0x1D7FF), (0x10000, 0x107FF)]  # fmt: skip
    spaces = [" ", "  ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2003", "\u3000", "\u0085", "\v", "\f", "   \n  "]
    joined = ["👩‍💻", "🏳️‍🌈", "👨‍👩‍👧‍👦", "🇫🇷", "1️⃣", "👍🏽", "e\u0301\u0323", "ﷺ", "ﬁ", "ſt", "İi", "ẞ"]
    endings = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "’s", "''", "'"]
    parts, length = [], 0
    while length < size:
        kind = generator.randrange(10)
        if kind < 4:
            low, high = blocks[generator.randrange(len(blocks))]
            part = "".join(chr(generator.randint(low, high)) for _ in range(generator.randint(1, 12)))
        elif kind == 4:
            part = "".join(generator.choice(spaces) for _ in range(generator.randint(1, 4)))
        elif kind == 5:
            part = str(generator.randrange(10 ** generator.randint(1, 12)))
        elif kind == 6:
            part = generator.choice(joined) * generator.randint(1, 3)
        elif kind == 7:
            part = "word" + generator.choice(endings)
        elif kind == 8:
            part = generator.choice("=-_#*./<>{}()!?") * generator.randint(1, 40)
        else:
            part = chr(generator.choice([c for c in (generator.randrange(0x11_0000),) if not 0xD800 <= c < 0xE000] or [0]))
        part += generator.choice(["", "", " "])
        parts.append(part)
        length += len(part.encode("utf-8"))
    return "".join(parts)


def corpus(total):
    """Texts of about a megabyte each: a quarter generated, the rest files, as many as there are."""
    texts, current, length, found = [], [], 0, 0
    wanted = total * 3 // 4
    for path in files_of_the_machine():
        text = text_of(path)[:400_000]
        current.append(text)
        length += len(text.encode("utf-8"))
        if length >= PART_BYTES:
            texts.append("".join(current))
            found += length
            current, length = [], 0
        if found >= wanted:
            break
    generator = random.Random(20)
    while found < total:
        texts.append(generated(generator, PART_BYTES))
        found += PART_BYTES
    return texts


def every_scalar():
    """Each scalar between two letters: BERT drops it, makes it a space, sets it apart or leaves it in the word."""
    scalars = [chr(code) for code in range(0x11_0000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(scalars), PART_BYTES // 8):
        yield " ".join(f"a{scalar}b" for scalar in scalars[start : start + PART_BYTES // 8])


def explain(text, ours, theirs, tokens):
    position = next((i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
    near = slice(max(0, position - 5), position + 5)
    print(f"differs at token {position} of {len(theirs)}; {len(ours)} here")
    print("  here:   ", [tokens[i] for i in ours[near]])
    print("  wanted: ", [tokens[i] for i in theirs[near]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hearth")
    parser.add_argument("model")
    parser.add_argument("--megabytes", type=int, default=24)
    options = parser.parse_args()
    tokenizer, tokens = reference(options.model)
    texts = corpus(options.megabytes * 1_000_000)
    if type(tokenizer.normalizer).__name__ == "BertNormalizer":
        texts += every_scalar()
    total = sum(len(text.encode("utf-8")) for text in texts)
    started, count = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "text"
        for index, text in enumerate(texts):
            file.write_bytes(text.encode("utf-8"))
            command = [options.hearth, "tokenize", options.model, "--file", str(file), "--ids"]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            ours = [int(word) for word in output.split()]
            theirs = tokenizer.encode(text, add_special_tokens=False).ids
            if ours != theirs:
                print(f"text {index} of {len(texts)}:")
                explain(text, ours, theirs, tokens)
                sys.exit(1)
            count += len(ours)
    print(f"{total:,} bytes in {len(texts)} texts: {count:,} tokens, all equal ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
