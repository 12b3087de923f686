/// What the name in `tokenizer.ggml.pre` stands for.
struct NamedPreTokenizer: Sendable {
    var preTokenizer: PreTokenizer
    /// Whether a word that is in the vocabulary is taken whole, whatever the merges say.
    var ignoresMerges = false
    /// Whether texts begin with BOS unless the file says otherwise.
    var addsBOS = false
    /// The normaliser that vocabularies of this name have.
    var normalizer: [NormalizerStep] = []
    /// Whether pieces are plain UTF-8 with `▁` for a space, not the byte alphabet.
    var isPlainText = false
}

extension NamedPreTokenizer {
    /// The pre-tokenizer of that name; nil stands for a file without the field.
    static func named(_ name: String?) throws(TokenizerError) -> NamedPreTokenizer {
        guard let family = families[name ?? "default"] else {
            throw .unsupported(component: "pre-tokenizer", name: name ?? "default")
        }
        var stages: [SplitStage] = []
        for expression in family.expressions { stages.append(try stage(expression)) }
        var result = NamedPreTokenizer(preTokenizer: PreTokenizer(stages: stages))
        result.ignoresMerges = ignoringMerges.contains(name ?? "")
        result.addsBOS = addingBOS.contains(name ?? "")
        if composing.contains(name ?? "") { result.normalizer = [.normalize(.composed)] }
        result.isPlainText = family == .plainText
        return result
    }

    private static func stage(_ expression: String) throws(TokenizerError) -> SplitStage {
        if let special = SplitStage.special(expression) { return special }
        return .pattern(PatternSplit(alternatives: try PatternCatalog.alternatives(of: expression)))
    }

    private static let ignoringMerges: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
        "tekken", "glm4", "glm5", "youtu", "granite-embed-multi-97m", "minicpm5",
    ]
    private static let addingBOS: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
        "tekken", "gemma4",
    ]
    /// Names whose original tokenizers compose the text (NFC) first.
    private static let composing: Set<String> = [
        "qwen2", "stablelm2", "olmo", "mpt", "command-r", "megrez",
    ]

    private static let families: [String: PatternFamily] = {
        var table: [String: PatternFamily] = [:]
        for (family, names) in names { for name in names { table[name] = family } }
        return table
    }()

    private static let names: [(PatternFamily, [String])] = [
        (.default, ["default"]),
        (
            .gpt2,
            [
                "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum",
                "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "mpt", "olmo", "jais", "trillion",
                "granite-docling", "exaone4",
            ]
        ),
        (
            .digitsThenGPT2,
            [
                "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2",
            ]
        ),
        (
            .llama3,
            [
                "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                "jina-v5-nano",
                "dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "glm5",
            ]
        ),
        (
            .qwen2,
            [
                "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "megrez", "hunyuan", "solar-open",
                "grok-2",
            ]
        ),
        (.qwen35, ["qwen35"]), (.deepseekLLM, ["deepseek-llm"]), (.deepseekCoder, ["deepseek-coder"]),
        (.deepseekV3, ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"]),
        (.falcon, ["falcon"]), (.bloom, ["bloom", "poro-chat", "gpt3-finnish"]), (.viking, ["viking"]),
        (.tekken, ["tekken"]), (.gpt4o, ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"]),
        (.tinyAya, ["tiny_aya", "cohere2moe"]), (.superBPE, ["superbpe"]),
        (.bailing, ["bailingmoe", "bailingmoe2", "llada-moe"]), (.seedCoder, ["seed-coder"]),
        (.ufakzeka, ["ufakzeka"]), (.laguna, ["laguna"]), (.exaoneMoE, ["exaone-moe"]),
        (.miniCPM5, ["minicpm5"]), (.youtu, ["youtu"]), (.afmoe, ["afmoe"]),
        (.plainText, ["gemma4", "sarvam-moe", "granite-embed-multi-311m"]),
    ]
}

/// Vocabularies that cut texts alike: the regular expressions of each, one stage after the other.
private enum PatternFamily: Sendable {
    case `default`, gpt2, digitsThenGPT2, llama3, qwen2, qwen35, deepseekLLM, deepseekCoder, deepseekV3, falcon, bloom
    case viking, tekken, gpt4o, tinyAya, superBPE, bailing, seedCoder, ufakzeka, laguna, exaoneMoE, miniCPM5, youtu
    case afmoe, plainText

    private static let anyCase = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
    private static let word = #"[^\r\n\p{L}\p{N}]?\p{L}+"#
    private static let tail = #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let slashTail = #" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let gpt2Words =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    private static let llamaWords = "\(anyCase)|\(word)|\\p{N}{1,3}|\(tail)"
    private static let qwenWords = "\(anyCase)|\(word)|\\p{N}|\(tail)"
    private static let endingInLower =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
    private static let beginningInUpper =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
    private static let gpt4oWords =
        "\(endingInLower)\(anyCase)?|\(beginningInUpper)\(anyCase)?|\\p{N}{1,3}|\(slashTail)"
    private static let deepseekWords =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
        + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    var expressions: [String] {
        switch self {
        case .default: [#"[\p{P}\$\+<=>\^~\|]+"#, Self.gpt2Words, #"\p{N}+"#, "[0-9][0-9][0-9]"]
        case .gpt2: [Self.gpt2Words]
        case .digitsThenGPT2: [#"\p{N}"#, Self.gpt2Words]
        case .llama3: [Self.llamaWords]
        case .qwen2: [Self.qwenWords]
        case .qwen35:
            [
                Self.anyCase
                    + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        case .deepseekLLM:
            [
                #"[\r\n]"#, #"\s?[cased letters]+"#, #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#, #"\s+$"#,
                "[一-龥ࠀ-一가-퟿]+", #"\p{N}+"#,
            ]
        case .deepseekCoder: [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥ࠀ-一가-퟿]+", #"\p{N}"#]
        case .deepseekV3: [#"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+", Self.deepseekWords]
        case .falcon: [#"[\p{P}\$\+<=>\^~\|`]+"#, Self.gpt2Words, "[0-9][0-9][0-9]"]
        case .bloom: [#" ?[^(\s|.,!?…。，、।۔،)]+"#]
        case .viking: [#" ?[^(\s|.,!?…。，、।۔،)]+"#, #"\p{N}"#]
        case .tekken: ["\(Self.endingInLower)|\(Self.beginningInUpper)|\\p{N}|\(Self.slashTail)"]
        case .gpt4o: [Self.gpt4oWords]
        case .tinyAya: [#"\d{1,3}(?=(?:\d{3})*\b)"#, Self.gpt4oWords]
        case .superBPE: [#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#]
        case .bailing: [Self.qwenWords]
        case .seedCoder:
            ["\(Self.anyCase)|\(Self.word)|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"]
        case .ufakzeka: ["\(Self.word)|\\p{N}|\(Self.tail)"]
        case .laguna: [#"[^\n]+|[\n]+"#, Self.qwenWords]
        case .exaoneMoE:
            [
                Self.anyCase + #"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"#
                    + #"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"#
            ]
        case .miniCPM5: [#"\p{N}{1,3}"#, "\(Self.anyCase)|\(Self.word)|\\p{N}+|\(Self.tail)"]
        case .youtu:
            [
                "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+",
                "\(Self.endingInLower)\(Self.anyCase)?|\(Self.beginningInUpper)\(Self.anyCase)?|\\p{N}|\(Self.slashTail)",
            ]
        case .afmoe: [#"(?=(\d{3})+(?!\d))"#, "[unspaced scripts]+", Self.deepseekWords]
        case .plainText: [#"[^\n]+|[\n]+"#]
        }
    }
}
