package import Tokenization

/// How one family of models calls functions: the description behind the prompt, the grammar and the parser.
package struct ToolCallFormat: Sendable, Equatable {
    /// Families of models that write calls alike.
    package enum Family: String, Sendable, CaseIterable {
        /// `<tool_call>{"name": …, "arguments": …}</tool_call>`: Hermes, Qwen 2.5 and 3, Granite 4, many others.
        case hermes
        /// `{"name": …, "parameters": …}` as the whole answer, or after `<|python_tag|>`: Llama 3.
        case llama3
        /// `[TOOL_CALLS][{"name": …, "arguments": …}]`: Mistral up to Nemo and Large 2407.
        case mistralList = "mistral-list"
        /// `[TOOL_CALLS]name[ARGS]{…}`: Mistral from Small 3.2 and Devstral.
        case mistralNamed = "mistral-named"
        /// `<|tool_call>call:name{key:value}<tool_call|>`: Gemma 4.
        case gemma4
        /// `<start_function_call>call:name{key:value}<end_function_call>`: FunctionGemma.
        case functionGemma = "function-gemma"
        /// `<|tool_call|>[…]<|/tool_call|>`: Phi-4-mini.
        case phi4
        /// `<|tool_call|>[…]`: Granite 3.
        case granite3
        /// `<｜tool▁calls▁begin｜>`, with arguments in a fence: DeepSeek V3 and R1.
        case deepSeekV3 = "deepseek-v3"
        /// `<｜tool▁calls▁begin｜>`, without: DeepSeek V3.1.
        case deepSeekV31 = "deepseek-v3.1"
        /// `<tool_calls>` around one object a line: MiniMax-M1.
        case miniMaxM1 = "minimax-m1"
        /// `<tool_calls>` around a list: Apriel.
        case apriel
        /// `<function=name>{…}</function>`: Functionary 3.1.
        case functionary
        /// `<tool_call>` as `hermes`, explained in a prompt of ours: every other model.
        case generic
    }

    package var family: Family
    /// The ways in which calls are recognised; the first is the one that the model is made to use and is shown.
    package var forms: [ToolCallForm]
    /// Most calls in one answer; nil sets no limit.
    package var callLimit: Int?
    /// Texts of the forms that some vocabularies have as one token.
    package var markers: [String]

    /// The form that a call is forced into and that earlier calls are shown in.
    package var form: ToolCallForm { forms[0] }

    init(_ family: Family, _ forms: [ToolCallForm], callLimit: Int? = nil, markers: [String]) {
        precondition(!forms.isEmpty, "\(family) has no form")
        self.family = family
        self.forms = forms
        self.callLimit = callLimit
        self.markers = markers
    }
}

/// A part of a literal, as it is to be generated.
package enum ToolLiteralPiece: Sendable, Equatable {
    case text(String)
    /// One token of the vocabulary, with its text.
    case token(TokenID, String)
}

extension ToolCallFormat {
    /// The markers that `tokenizer` has as one token.
    package func markerTokens(in tokenizer: Tokenizer) -> [String: TokenID] {
        Self.tokens(of: markers, in: tokenizer)
    }

    /// Splits a literal of a form into text and the tokens that stand for its markers.
    package func pieces(of literal: String, in tokenizer: Tokenizer) -> [ToolLiteralPiece] {
        let tokens = markerTokens(in: tokenizer)
        let bytes = Array(literal.utf8)
        var pieces: [ToolLiteralPiece] = []
        var start = 0
        var index = 0
        func flush(_ end: Int) {
            if end > start { pieces.append(.text(String(decoding: bytes[start..<end], as: UTF8.self))) }
        }
        while index < bytes.count {
            let rest = bytes[index...]
            let longest = tokens.filter { rest.starts(with: $0.key.utf8) }.max { $0.key.utf8.count < $1.key.utf8.count }
            guard let (marker, token) = longest else {
                index += 1
                continue
            }
            flush(index)
            pieces.append(.token(token, marker))
            index += marker.utf8.count
            start = index
        }
        flush(index)
        return pieces
    }

    /// The entries of the vocabulary that are written so and that an ordinary text does not become by chance.
    static func tokens(of markers: [String], in tokenizer: Tokenizer) -> [String: TokenID] {
        var tokens: [String: TokenID] = [:]
        for marker in markers {
            // A piece of an ordinary vocabulary is one only when encoding the text gives it back.
            let ids = tokenizer.encode(marker, addSpecial: false, parseSpecial: true)
            if ids.count == 1 { tokens[marker] = ids[0] }
        }
        return tokens
    }
}
