package import Tokenization

/// What a model does with functions and thoughts, found once from its chat template and its vocabulary.
package struct ToolSupport: Sendable, Equatable {
    package var format: ToolCallFormat
    package var style: ToolPromptStyle
    /// nil for a model that does not think.
    package var reasoning: ReasoningFormat?

    /// - Parameters:
    ///   - template: nil for a model that only completes text.
    ///   - hasToken: whether the vocabulary has a text as one token.
    package init(template: ChatTemplate?, hasToken: (String) -> Bool) {
        guard let template else {
            format = .of(.generic)
            style = ToolPromptStyle(definitions: .systemText, calls: .content, results: .user)
            return
        }
        reasoning = ReasoningFormat.detect(template)
        let probe = ToolTemplateProbe(template: template)
        if let (family, written) = probe.familyWritten() {
            format = .of(family)
            style = written
        } else if let family = Self.familyMentioned(template.source) ?? Self.familyInVocabulary(hasToken) {
            format = .of(family)
            style = probe.styleForContent(family)
        } else {
            format = .of(.generic)
            style = ToolPromptStyle(definitions: .systemText, calls: .content, results: .user)
        }
    }

    package init(template: ChatTemplate?, tokenizer: Tokenizer) {
        self.init(template: template) { !ToolCallFormat.tokens(of: [$0], in: tokenizer).isEmpty }
    }

    /// The same for a caller that can constrain arguments only as JSON: a model whose own form has another syntax is
    /// made to use the generic one.
    package var withJSONArguments: ToolSupport {
        if format.form.arguments == .json { return self }
        var support = self
        support.format = .of(.generic)
        support.style = ToolPromptStyle(definitions: .systemText, calls: .content, results: .user)
        return support
    }

    /// The family whose marks a template explains without writing calls itself.
    private static func familyMentioned(_ source: String) -> ToolCallFormat.Family? {
        func mentions(_ mark: String) -> Bool { source.contains(mark) }
        if mentions("<|tool|>") { return .phi4 }
        if mentions("<|tool_call|>") { return mentions("<|/tool_call|>") ? .phi4 : .granite3 }
        if mentions("<｜tool▁calls▁begin｜>") { return mentions("```json") ? .deepSeekV3 : .deepSeekV31 }
        if mentions("[TOOL_CALLS]") { return mentions("[ARGS]") ? .mistralNamed : .mistralList }
        if mentions("<start_function_call>") { return .functionGemma }
        if mentions("<|tool_call>") { return .gemma4 }
        let hasOtherInside = mentions("<function=") || mentions("<arg_key>") || mentions("<invoke")
        if mentions("<tool_call>"), !hasOtherInside { return .hermes }
        if mentions("<|python_tag|>") { return .llama3 }
        return nil
    }

    private static func familyInVocabulary(_ hasToken: (String) -> Bool) -> ToolCallFormat.Family? {
        if hasToken("[TOOL_CALLS]") { return hasToken("[ARGS]") ? .mistralNamed : .mistralList }
        if hasToken("<|tool_call|>") { return hasToken("<|/tool_call|>") ? .phi4 : .granite3 }
        if hasToken("<start_function_call>") { return .functionGemma }
        if hasToken("<|tool_call>") { return .gemma4 }
        return hasToken("<tool_call>") ? .hermes : nil
    }

    /// The control tokens that an answer's text must keep for calls and thoughts to be found in it.
    package func markerTokens(in tokenizer: Tokenizer, withTools: Bool) -> Set<TokenID> {
        var tokens = Set(reasoning?.markerTokens(in: tokenizer).values.map { $0 } ?? [])
        if withTools { tokens.formUnion(format.markerTokens(in: tokenizer).values) }
        return tokens
    }
}
