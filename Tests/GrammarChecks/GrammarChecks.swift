import Checkpoints
import Foundation
import Grammars
import JSON
import Tokenization

/// Answers questions about grammars, one JSON object a line, so that suites and engines of others can be held against
/// ours: which texts are accepted, what random texts come out, how long masks take.
@main
struct GrammarChecks {
    static func main() {
        var vocabularies: [String: Vocabulary] = [:]
        while let line = readLine() {
            var answer = JSONObject()
            do {
                let request = try JSONValue(parsing: line)
                let clock = ContinuousClock()
                let start = clock.now
                let grammar = request["kind"] == "calls" ? try CallWriter.grammar(request) : try grammar(request)
                answer["milliseconds"] = .number((clock.now - start) / .milliseconds(1))
                answer["compiled"] = true
                switch request["op"]?.stringValue {
                case "accepts": answer["accepted"] = accepts(grammar, texts(request))
                case "generate": answer["texts"] = generate(grammar, request)
                case "masks", "calls":
                    let path = request["vocabulary"]?.stringValue ?? ""
                    let vocabulary = try vocabularies[path] ?? Vocabulary(path)
                    vocabularies[path] = vocabulary
                    if request["op"] == "masks" {
                        answer["mask_us"] = masks(grammar, vocabulary, texts(request))
                        answer["vocabulary_size"] = .integer(Int64(vocabulary.tokenizer.vocabularySize))
                    } else {
                        answer["answers"] = CallWriter(grammar, vocabulary, request).answers(request)
                    }
                default: answer["error"] = "unknown op"
                }
            } catch let error as GrammarError {
                answer["compiled"] = false
                answer["error"] = .string(error.description)
                if case .unsupported(_, let pointer) = error { answer["pointer"] = .string(pointer) }
                if case .unsatisfiable = error { answer["unsatisfiable"] = true }
            } catch {
                answer["compiled"] = false
                answer["error"] = .string("\(error)")
            }
            FileHandle.standardOutput.write(Data(JSONValue.object(answer).serializedBytes() + [0x0A]))
        }
    }

    private static func grammar(_ request: JSONValue) throws -> Grammar {
        let source = request["source"] ?? .null
        switch request["kind"]?.stringValue {
        case "json_schema":
            return try Grammar(schema: source, options: options(request))
        case "regex": return try Grammar(regularExpression: source.stringValue ?? "")
        case "choice": return try Grammar(choices: (source.arrayValue ?? []).compactMap(\.stringValue))
        case "gbnf": return try Grammar(gbnf: source.stringValue ?? "")
        default: throw GrammarError.syntax("unknown kind", offset: 0)
        }
    }

    /// `order` "any" allows every valid value, "declared" what answers may be; `undeclared` says whether members that a
    /// schema does not name may come, where that is not as usual for the order.
    private static func options(_ request: JSONValue) -> SchemaOptions {
        var options: SchemaOptions = request["order"]?.stringValue == "any" ? .complete : .answer
        if let allowed = request["undeclared"]?.boolValue { options.allowsUndeclaredMembers = allowed }
        return options
    }

    private static func texts(_ request: JSONValue) -> [String] {
        (request["texts"]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    private static func accepts(_ grammar: Grammar, _ texts: [String]) -> JSONValue {
        .array(
            texts.map { text in
                var matcher = GrammarMatcher(grammar)
                return .bool(matcher.accept(text.utf8) && matcher.mayEnd)
            }
        )
    }

    /// Random texts: after a while the end is taken wherever it may come.
    private static func generate(_ grammar: Grammar, _ request: JSONValue) -> JSONValue {
        var random = SplitMix(state: UInt64(request["seed"]?.integerValue ?? 1))
        let limit = request["bytes"]?.integerValue ?? 2000
        var texts: [JSONValue] = []
        for _ in 0..<(request["count"]?.integerValue ?? 1) {
            if let text = randomText(grammar, limit, &random) { texts.append(.string(text)) }
        }
        return .array(texts)
    }

    private static func randomText(_ grammar: Grammar, _ limit: Int, _ random: inout SplitMix) -> String? {
        var matcher = GrammarMatcher(grammar)
        var bytes: [UInt8] = []
        let eager = Int.random(in: 1...200, using: &random)
        while bytes.count < limit {
            if matcher.mustEnd || matcher.mayEnd && (bytes.count >= eager || Bool.random(using: &random)) {
                return String(decoding: bytes, as: UTF8.self)
            }
            let closers: [UInt8] = bytes.count < eager ? [] : Array("\"}],:".utf8)
            let order = closers + (0...255).map { UInt8($0) }.shuffled(using: &random)
            guard let byte = order.first(where: { matcher.accept(CollectionOfOne($0)) }) else { return nil }
            bytes.append(byte)
        }
        return matcher.mayEnd ? String(decoding: bytes, as: UTF8.self) : nil
    }

    /// Microseconds of the mask at every token of the texts, the longest token that the grammar takes first.
    private static func masks(_ grammar: Grammar, _ vocabulary: Vocabulary, _ texts: [String]) -> JSONValue {
        var times: [JSONValue] = []
        let clock = ContinuousClock()
        for text in texts {
            var matcher = GrammarMatcher(grammar)
            for token in vocabulary.tokenizer.encode(text, addSpecial: false, parseSpecial: false) {
                let start = clock.now
                let allowed = matcher.allowedTokens(vocabulary.grammar)
                times.append(.number((clock.now - start) / .microseconds(1)))
                let bytes = vocabulary.tokenizer.bytes(of: token)
                guard allowed.contains(Int(token.rawValue)), matcher.accept(bytes) else { return .null }
            }
        }
        return .array(times)
    }
}

struct Vocabulary {
    let tokenizer: Tokenizer
    let grammar: GrammarVocabulary

    init(_ path: String) throws {
        tokenizer =
            path.hasSuffix(".gguf")
            ? try Tokenizer(gguf: GGUFFile(path: path))
            : try Tokenizer(huggingFaceFolder: URL(fileURLWithPath: path))
        var texts: [(id: Int32, bytes: [UInt8])] = []
        for id in 0..<Int32(tokenizer.vocabularySize) where !tokenizer.isSpecial(TokenID(rawValue: id)) {
            texts.append((id, tokenizer.bytes(of: TokenID(rawValue: id))))
        }
        grammar = GrammarVocabulary(texts, size: tokenizer.vocabularySize)
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
