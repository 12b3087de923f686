package import Tokenization

/// How a model marks what it thinks before it answers.
package struct ReasoningFormat: Sendable, Equatable {
    /// The text before the thoughts.
    package var opening: String
    /// The text after them.
    package var closing: String

    /// Texts of the marks that some vocabularies have as one token.
    package var markers: [String]

    package init(opening: String, closing: String, markers: [String]? = nil) {
        self.opening = opening
        self.closing = closing
        self.markers = markers ?? [opening, closing]
    }

    /// The marks that are known.
    static let known = [
        ReasoningFormat(opening: "<think>", closing: "</think>"),
        ReasoningFormat(opening: "[THINK]", closing: "[/THINK]"),
        ReasoningFormat(opening: "<|channel>thought\n", closing: "<channel|>", markers: ["<|channel>", "<channel|>"]),
        ReasoningFormat(opening: "<seed:think>", closing: "</seed:think>"),
        ReasoningFormat(opening: "<|START_THINKING|>", closing: "<|END_THINKING|>"),
    ]

    /// The marks that a model's chat template writes or looks for; nil for a model that does not think.
    package static func detect(_ template: ChatTemplate) -> ReasoningFormat? {
        known.first { template.source.contains($0.closing) && template.source.contains($0.mark) }
    }

    /// `opening` without the blanks at its end, which belong to no thought.
    var mark: String { opening.split(separator: "\n").first.map(String.init) ?? opening }

    /// Whether a prompt ends within thoughts, because the template opened them, so that the answer begins there.
    package func isOpen(after prompt: String) -> Bool {
        let bytes = Array(prompt.utf8)
        let end = bytes.lastIndex { !JSONScanner.isBlank($0) }.map { $0 + 1 } ?? 0
        return bytes[..<end].reversed().starts(with: mark.utf8.reversed())
    }

    /// The tokens that an answer's text must keep for the thoughts to be told from it.
    package func markerTokens(in tokenizer: Tokenizer) -> [String: TokenID] {
        ToolCallFormat.tokens(of: markers, in: tokenizer)
    }
}
