#!/usr/bin/env python3
"""Writes Tests/TensorsTests/DequantizeFixtureGenerated.swift: random blocks of every block type and what the `gguf`
package decodes them to. Needs `pip install gguf`; run from the root of the repository:

    python3 Tests/oracles/dequantize_oracle.py

With `--check`, decodes again and compares with the file instead of writing it.
"""

import base64
import sys

import gguf
import numpy as np

TYPES = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL MXFP4".split()
# Byte offsets of the halves in a block: random bits there would give infinities and NaN.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "MXFP4": [],
}
SWIFT_NAMES = {name: name.lower().replace("k", "K").replace("nl", "NL") for name in TYPES}
TARGET = "Tests/TensorsTests/DequantizeFixtureGenerated.swift"


def random_blocks(name, count, random):
    """Blocks with random codes; scales of all magnitudes, denormal halves and both zeros among them."""
    _, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in HALVES[name]:
        halves = random.standard_normal(count).astype(np.float16)
        halves[:4] = np.array([0.0, -0.0, 3e-7, -5e-5], dtype=np.float16)[: len(halves[:4])]
        blocks[:, offset : offset + 2] = halves.view(np.uint8).reshape(count, 2)
    if name == "MXFP4":
        blocks[:, 0] = random.integers(90, 150, count, dtype=np.uint8)
        blocks[:3, 0] = [0, 1, 2]
    return blocks


def lines(data):
    text = base64.b64encode(data).decode()
    return "".join(f"            {text[i:i + 100]}\n" for i in range(0, len(text), 100))


def fixture():
    random = np.random.default_rng(20261123)
    out = [
        "/// Random blocks and the bits of what the reference decoder makes of them.\n",
        "/// Written by Tests/oracles/dequantize_oracle.py; do not edit.\n",
        "enum DequantizeFixture {\n",
        "    /// Type, stored blocks, checksum of the float32 bits (see `bitChecksum`), the first eight values.\n",
        "    static let cases: [(type: String, blocks: String, checksum: UInt64, head: [UInt32])] = [\n",
    ]
    for name in TYPES:
        elements, _ = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
        blocks = random_blocks(name, 10 if elements == 32 else 5, random)
        values = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[name])
        bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).ravel()
        checksum = 0xCBF29CE484222325
        for word in bits.tolist():
            checksum = ((checksum ^ word) * 0x100000001B3) & (2**64 - 1)
        head = ", ".join(f"0x{word:08x}" for word in bits[:8])
        out.append(f'        (\n            "{SWIFT_NAMES[name]}",\n            """\n{lines(blocks.tobytes())}            """,\n')
        out.append(f"            0x{checksum:016x},\n            [{head}]\n        ),\n")
    out.append("    ]\n}\n")
    return "".join(out)


if __name__ == "__main__":
    text = fixture()
    if "--check" in sys.argv:
        if open(TARGET).read() != text:
            sys.exit(f"{TARGET} is not what the decoder gives; write it again")
        print(f"{TARGET}: {len(TYPES)} types as the decoder gives them")
    else:
        open(TARGET, "w").write(text)
        print(f"wrote {TARGET}")
