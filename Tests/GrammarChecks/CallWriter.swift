import Deployments
import Grammars
import JSON
import Tokenization

/// Writes answers that call functions as a model without any sense would: of the tokens that may come next any, with the
/// mark of a call thrown in. What the server's parser makes of them is the answer.
struct CallWriter {
    private let grammar: Grammar
    private let vocabulary: Vocabulary
    private let expectation: AnswerExpectation
    /// Tokens that bring an end nearer: taken first once an answer is long enough.
    private let closers: [Int]

    /// The answers that a request's functions allow; the family says how calls are written.
    static func grammar(_ request: JSONValue) throws -> Grammar {
        var answer = AnswerGrammar(content: .anything)
        answer.allow(calls(request), writtenAs: format(request))
        return try Grammar(answer: answer)
    }

    private static func calls(_ request: JSONValue) -> FunctionCalls {
        FunctionCalls(
            functions: (request["functions"]?.arrayValue ?? []).map {
                FunctionCalls.Function(name: $0["name"]?.stringValue ?? "", parameters: $0["parameters"] ?? .null)
            },
            isRequired: request["required"]?.boolValue ?? false,
            allowsSeveral: request["several"]?.boolValue ?? true,
            parameter: "tools"
        )
    }

    private static func format(_ request: JSONValue) -> ToolCallFormat {
        .of(request["family"]?.stringValue.flatMap(ToolCallFormat.Family.init) ?? .generic)
    }

    init(_ grammar: Grammar, _ vocabulary: Vocabulary, _ request: JSONValue) {
        self.grammar = grammar
        self.vocabulary = vocabulary
        expectation = AnswerExpectation(
            tools: Self.format(request),
            names: Set(Self.calls(request).functions.map(\.name)),
            isConstrained: true
        )
        closers = (0..<vocabulary.tokenizer.vocabularySize).filter {
            let bytes = vocabulary.tokenizer.bytes(of: TokenID($0))
            return bytes.count == 1 && "\"}]>)".utf8.contains(bytes[0])
        }
    }

    /// For each text that came to its end: it, and the calls found in it when it comes in small pieces.
    func answers(_ request: JSONValue) -> JSONValue {
        var random = SplitMix(state: UInt64(request["seed"]?.integerValue ?? 1))
        var answers: [JSONValue] = []
        for _ in 0..<(request["count"]?.integerValue ?? 1) {
            guard let text = text(request["tokens"]?.integerValue ?? 400, &random) else { continue }
            let parsed = parsed(text, &random)
            let calls = parsed.calls.map { call -> JSONValue in
                ["name": .string(call.name), "arguments": .string(call.arguments)]
            }
            answers.append(["text": .string(text), "calls": .array(calls), "content": .string(parsed.content)])
        }
        return .array(answers)
    }

    private func parsed(_ text: String, _ random: inout SplitMix) -> ParsedAnswer {
        var parser = ToolCallParser(expectation)
        var parsed = ParsedAnswer()
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...9, using: &random))
            rest = rest.dropFirst(piece.count)
            for delta in parser.append(String(piece)) { parsed.add(delta) }
        }
        for delta in parser.finish() { parsed.add(delta) }
        return parsed
    }

    /// nil when there is no end within `limit` tokens.
    private func text(_ limit: Int, _ random: inout SplitMix) -> String? {
        var matcher = GrammarMatcher(grammar)
        var bytes: [UInt8] = []
        let eager = Int.random(in: 1...60, using: &random)
        let callAt = Int.random(in: 0...12, using: &random)
        for count in 0..<limit {
            if count == callAt { throwIn(&matcher, &bytes) }
            if matcher.mustEnd || matcher.mayEnd && (count >= eager || Int.random(in: 0..<12, using: &random) == 0) {
                return String(decoding: bytes, as: UTF8.self)
            }
            let allowed = matcher.allowedTokens(vocabulary.grammar)
            guard let token = choose(allowed, isEager: count >= eager, &random) else { return nil }
            let piece = vocabulary.tokenizer.bytes(of: TokenID(token))
            // What was allowed and cannot be taken is for the reader of the answers to find.
            guard matcher.accept(piece) else { return String(decoding: bytes + piece, as: UTF8.self) + "\u{0}" }
            bytes += piece
        }
        return matcher.mayEnd ? String(decoding: bytes, as: UTF8.self) : nil
    }

    private func throwIn(_ matcher: inout GrammarMatcher, _ bytes: inout [UInt8]) {
        for form in expectation.tools?.forms ?? [] {
            if matcher.accept(form.trigger.utf8) {
                bytes += Array(form.trigger.utf8)
                return
            }
        }
    }

    private func choose(_ allowed: TokenSet, isEager: Bool, _ random: inout SplitMix) -> Int? {
        if isEager, let closer = closers.filter({ allowed.contains($0) }).randomElement(using: &random) {
            return closer
        }
        let size = vocabulary.tokenizer.vocabularySize
        // Most points of a text allow few tokens or nearly all.
        for _ in 0..<64 {
            let token = Int.random(in: 0..<size, using: &random)
            if allowed.contains(token) { return token }
        }
        return (0..<size).filter { allowed.contains($0) }.randomElement(using: &random)
    }
}
