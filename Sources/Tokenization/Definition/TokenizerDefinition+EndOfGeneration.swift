extension TokenizerDefinition {
    /// Names of tokens with which models end an answer. No file says which they are, beside `eos`.
    private static let endNames = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
        "<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>",
        "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
    ]
    /// The same, but also ordinary text in some vocabularies: they count only when they are control tokens.
    private static let endNamesOfControl = ["</s>", "<eos>"]

    /// Notes the tokens that end an answer: `eos`, those given, and those known by name. They are control tokens from
    /// here on, also where the file says otherwise.
    mutating func findEndOfGeneration(_ given: [TokenID]) {
        let table = TokenizerBuilder.table(of: self) { _ in true }
        var found = Set(given + [eos].compactMap(\.self))
        for name in Self.endNames {
            guard let id = table.find(name.utf8) else { continue }
            found.insert(TokenID(rawValue: id))
            if kinds[Int(id)] != .unknown { kinds[Int(id)] = .control }
        }
        for name in Self.endNamesOfControl {
            if let id = table.find(name.utf8), kinds[Int(id)] == .control { found.insert(TokenID(rawValue: id)) }
        }
        // In the harmony and Solar formats `<|end|>` ends a message, and the answer goes on.
        let names = Set(["<|return|>", "<|call|>", "<|calls|>", "<|flush|>"].filter { table.find($0.utf8) != nil })
        let isHarmony =
            names.isSuperset(of: ["<|return|>", "<|call|>"]) || names.isSuperset(of: ["<|calls|>", "<|flush|>"])
        if isHarmony, let end = table.find("<|end|>".utf8) {
            found.remove(TokenID(rawValue: end))
            kinds[Int(end)] = .userDefined
        }
        for name in ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"] {
            if isHarmony, let id = table.find(name.utf8) { kinds[Int(id)] = .userDefined }
        }
        endOfGeneration = found
    }
}
