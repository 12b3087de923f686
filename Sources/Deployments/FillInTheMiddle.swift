import Tokenization

/// How a model that was trained to fill in the middle is asked to: the tokens around what stands before and after.
///
/// Source: Bavarian et al., "Efficient Training of Language Models to Fill in the Middle", 2022 (prefix, suffix, middle).
struct FillInTheMiddle: Sendable, Equatable {
    let prefix: TokenID
    let suffix: TokenID
    /// nil for a model that writes the middle right after what stands before.
    let middle: TokenID?
    /// Whether what stands after comes first.
    let beginsWithSuffix: Bool

    /// The marks of the families that have any: Qwen and Granite, StarCoder, DeepSeek, Code Llama, CodeGemma's are Qwen's;
    /// Codestral has its suffix first.
    private static let marks: [(prefix: String, suffix: String, middle: String?, beginsWithSuffix: Bool)] = [
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", false),
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", false),
        ("<fim-prefix>", "<fim-suffix>", "<fim-middle>", false),
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", false),
        ("▁<PRE>", "▁<SUF>", "▁<MID>", false),
        ("[PREFIX]", "[SUFFIX]", nil, true),
    ]

    /// nil for a model without such marks.
    init?(_ tokenizer: Tokenizer) {
        for mark in Self.marks {
            guard let prefix = tokenizer.id(ofPiece: mark.prefix), let suffix = tokenizer.id(ofPiece: mark.suffix)
            else {
                continue
            }
            let middle = mark.middle.flatMap { tokenizer.id(ofPiece: $0) }
            if mark.middle != nil, middle == nil { continue }
            self.prefix = prefix
            self.suffix = suffix
            self.middle = middle
            beginsWithSuffix = mark.beginsWithSuffix
            return
        }
        return nil
    }

    /// The prompt after which the model writes what stands between two texts. Their own marks are text.
    func prompt(before: String, after: String, addsSpecialTokens: Bool, _ tokenizer: Tokenizer) -> [TokenID] {
        let before = tokenizer.encode(before, addSpecial: false, parseSpecial: false)
        let after = tokenizer.encode(after, addSpecial: false, parseSpecial: false)
        let start = addsSpecialTokens ? tokenizer.encode("", addSpecial: true, parseSpecial: false) : []
        if beginsWithSuffix { return start + [suffix] + after + [prefix] + before }
        return start + [prefix] + before + [suffix] + after + (middle.map { [$0] } ?? [])
    }
}
