"""Answers as `grammar-checks` does, with the grammars of xgrammar or llguidance:

    python3 peer.py xgrammar | llguidance

Both follow members in the order of `properties` only, whatever `order` asks for; the caller tries several orders.
"""

import json
import sys
import time
import types

END = 256
BYTES = [bytes([value]) for value in range(256)] + [b"</s>"]


class Refused(Exception):
    pass


class XGrammar:
    def __init__(self):
        import tvm_ffi  # noqa: F401  before the stand-ins, which it would take for the packages

        # xgrammar names types of these large packages when it is imported; following text needs nothing of them.
        torch = types.ModuleType("torch")
        torch.int32 = "int32"
        torch.Tensor = torch.LongTensor = torch.FloatTensor = object
        torch.tensor = lambda *values, **options: None
        transformers = types.ModuleType("transformers")
        transformers.PreTrainedTokenizerBase = transformers.PreTrainedTokenizerFast = type("Unused", (), {})
        transformers.LogitsProcessor = object
        sys.modules.update(torch=torch, transformers=transformers)
        import xgrammar

        self.package = xgrammar
        self.vocabulary = xgrammar.TokenizerInfo(BYTES, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[END])

    def compile(self, kind, source):
        compiler = self.package.GrammarCompiler(self.vocabulary, cache_enabled=False)
        try:
            if kind == "json_schema":
                return compiler.compile_json_schema(json.dumps(source), any_whitespace=True, strict_mode=False)
            if kind == "regex":
                return compiler.compile_regex(source)
            if kind == "gbnf":
                return compiler.compile_grammar(source)
        except Exception as error:  # the binding raises several kinds of its own
            raise Refused(str(error)[:300]) from error
        raise Refused(f"{kind} is not tried")

    def accepts(self, grammar, text):
        matcher = self.package.GrammarMatcher(grammar)
        return bool((not text or matcher.accept_string(text)) and matcher.accept_token(END))


class LLGuidance:
    def __init__(self):
        import llguidance

        class ByteTokenizer:
            eos_token_id, bos_token_id, tokens, special_token_ids = END, None, BYTES, [END]

            def __call__(self, text):
                return list(text if isinstance(text, bytes) else text.encode())

        self.package = llguidance
        self.tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(ByteTokenizer()))

    def compile(self, kind, source):
        matcher = self.package.LLMatcher
        try:
            if kind == "json_schema":
                grammar = matcher.grammar_from_json_schema(source)
            elif kind == "regex":
                grammar = matcher.grammar_from_regex(source)
            else:
                raise Refused(f"{kind} is not tried")
            compiled = matcher(self.tokenizer, grammar, log_level=0)
        except (ValueError, RuntimeError) as error:
            raise Refused(str(error)[:300]) from error
        if compiled.is_error():
            raise Refused(compiled.get_error()[:300])
        return compiled

    def accepts(self, grammar, text):
        matcher = grammar.deep_copy()
        data = list(text.encode())
        return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()


def answer(engine, request):
    start = time.perf_counter()
    try:
        grammar = engine.compile(request["kind"], request["source"])
    except Refused as refusal:
        return {"compiled": False, "error": str(refusal)}
    milliseconds = (time.perf_counter() - start) * 1000
    accepted = [engine.accepts(grammar, text) for text in request["texts"]]
    return {"compiled": True, "milliseconds": milliseconds, "accepted": accepted}


def main():
    # Peers print as they please; answers go where nothing else does.
    output, sys.stdout = sys.stdout, sys.stderr
    engine = {"xgrammar": XGrammar, "llguidance": LLGuidance}[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line))), file=output, flush=True)


if __name__ == "__main__":
    main()
