import Foundation
import JSON

extension TokenizerDefinition {
    /// The tokenizer of `tokenizer.json` in a folder, with what `tokenizer_config.json` says of special tokens.
    init(huggingFaceFolder folder: URL) throws(TokenizerError) {
        let file = folder.appendingPathComponent("tokenizer.json")
        let configuration = folder.appendingPathComponent("tokenizer_config.json")
        let hasConfiguration = FileManager.default.fileExists(atPath: configuration.path)
        try self.init(
            huggingFace: Self.json(file),
            configuration: hasConfiguration ? Self.json(configuration) : .object(JSONObject())
        )
    }

    /// The same from the parsed files.
    init(huggingFace json: JSONValue, configuration: JSONValue) throws(TokenizerError) {
        let reader = HuggingFaceTokenizerReader(json, configuration)
        self = try reader.definition()
    }

    private static func json(_ file: URL) throws(TokenizerError) -> JSONValue {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw .unreadable(path: file.path, reason: error.localizedDescription)
        }
        do {
            return try JSONValue(parsing: [UInt8](data))
        } catch {
            throw .malformed(file: file.path, reason: error.description)
        }
    }
}

/// Reads the parts of a `tokenizer.json`.
private struct HuggingFaceTokenizerReader {
    private let json: JSONValue
    private let configuration: JSONValue

    init(_ json: JSONValue, _ configuration: JSONValue) {
        self.json = json
        self.configuration = configuration
    }

    func definition() throws(TokenizerError) -> TokenizerDefinition {
        guard let model = json["model"], model.objectValue != nil else { throw .missing(field: "model") }
        var components = HuggingFaceComponents()
        try components.readNormalizer(json["normalizer"] ?? .null)
        try components.readPreTokenizer(json["pre_tokenizer"] ?? .null)
        try components.readDecoder(json["decoder"] ?? .null)
        var definition = try vocabulary(model, isByteLevel: components.isByteLevel)
        definition.normalizer = components.normalizer
        definition.preTokenizer = PreTokenizer(stages: components.stages)
        definition.decoding = components.decoding
        definition.model = try self.model(model, definition, components)
        try readSpecialTokens(&definition, model)
        return definition
    }

    // MARK: Vocabulary

    private func type(of model: JSONValue) -> String {
        if let name = model["type"]?.stringValue { return name }
        if model["merges"] != nil { return "BPE" }
        return model["vocab"]?.arrayValue != nil ? "Unigram" : "WordPiece"
    }

    private func vocabulary(_ model: JSONValue, isByteLevel: Bool) throws(TokenizerError) -> TokenizerDefinition {
        var texts: [String?] = []
        var scores: [Float] = []
        if let list = model["vocab"]?.arrayValue {
            for (id, entry) in list.enumerated() {
                guard let piece = entry[0]?.stringValue, let score = entry[1]?.doubleValue else {
                    throw .invalid(field: "model.vocab", reason: "entry \(id) is not a piece and its score")
                }
                texts.append(piece)
                scores.append(Float(score))
            }
        } else if let object = model["vocab"]?.objectValue {
            for (piece, id) in object { try Self.place(piece, at: id.integerValue, in: &texts) }
        } else {
            throw .missing(field: "model.vocab")
        }
        var definition = TokenizerDefinition()
        let added = json["added_tokens"]?.arrayValue ?? []
        for token in added {
            guard let content = token["content"]?.stringValue else { throw .missing(field: "added_tokens.content") }
            try Self.place(content, at: token["id"]?.integerValue, in: &texts)
        }
        definition.kinds = Array(repeating: .normal, count: texts.count)
        if !scores.isEmpty { definition.scores = scores + Array(repeating: 0, count: texts.count - scores.count) }
        if model["byte_fallback"]?.boolValue == true {
            for (id, text) in texts.enumerated() {
                if let text, TokenizerDefinition.byte(named: text.utf8) != nil { definition.kinds[id] = .byte }
            }
        }
        definition.addedTokens = readAddedTokens(added, kinds: &definition.kinds)
        for (id, text) in texts.enumerated() {
            definition.append(text ?? "", at: id, isByteLevel: isByteLevel)
        }
        return definition
    }

    private static func place(_ piece: String, at id: Int?, in texts: inout [String?]) throws(TokenizerError) {
        guard let id, id >= 0, id < TokenizerDefinition.largestPieceCount else {
            throw .invalid(field: "vocab", reason: "\"\(piece)\" has no id between 0 and 2^24")
        }
        while texts.count <= id { texts.append(nil) }
        texts[id] = piece
    }

    private func readAddedTokens(_ list: [JSONValue], kinds: inout [TokenKind]) -> [AddedToken] {
        var tokens: [AddedToken] = []
        for entry in list {
            guard let id = entry["id"]?.integerValue, let content = entry["content"]?.stringValue, !content.isEmpty
            else { continue }
            let isSpecial = entry["special"]?.boolValue ?? false
            kinds[id] = isSpecial ? .control : .userDefined
            var token = AddedToken(id: TokenID(id), content: Array(content.utf8), isSpecial: isSpecial)
            token.stripsLeft = entry["lstrip"]?.boolValue ?? false
            token.stripsRight = entry["rstrip"]?.boolValue ?? false
            token.isSingleWord = entry["single_word"]?.boolValue ?? false
            token.isNormalized = entry["normalized"]?.boolValue ?? !isSpecial
            tokens.append(token)
        }
        return tokens
    }

    // MARK: Model

    private func model(
        _ model: JSONValue,
        _ definition: TokenizerDefinition,
        _ components: HuggingFaceComponents
    ) throws(TokenizerError) -> TokenizerDefinition.Model {
        switch type(of: model) {
        case "BPE": return try bytePairs(model, definition, isByteLevel: components.isByteLevel)
        case "Unigram": return .unigram
        case "WordPiece":
            return .wordPiece(
                wordPrefix: "",
                insidePrefix: model["continuing_subword_prefix"]?.stringValue ?? "##",
                longestCharacterCount: model["max_input_chars_per_word"]?.integerValue ?? 100
            )
        case let name: throw .unsupported(component: "tokenizer model", name: name)
        }
    }

    private func bytePairs(
        _ model: JSONValue,
        _ definition: TokenizerDefinition,
        isByteLevel: Bool
    ) throws(TokenizerError) -> TokenizerDefinition.Model {
        for field in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = model[field]?.stringValue, !text.isEmpty {
                throw .unsupported(component: "BPE option", name: "\(field) = \(text)")
            }
        }
        if let dropout = model["dropout"]?.doubleValue, dropout > 0 {
            throw .unsupported(component: "BPE option", name: "dropout = \(dropout)")
        }
        guard let list = model["merges"]?.arrayValue else { throw .missing(field: "model.merges") }
        let reader = MergeReader(definition, isByteLevel: isByteLevel)
        var merges: [TokenizerDefinition.Merge] = []
        merges.reserveCapacity(list.count)
        for (rank, entry) in list.enumerated() {
            if let left = entry[0]?.stringValue, let right = entry[1]?.stringValue {
                merges.append(try reader.merge(Array(left.utf8)[...], Array(right.utf8)[...], rank: rank))
            } else if let text = entry.stringValue {
                merges.append(try reader.merge(text, rank: rank))
            } else {
                throw .invalid(field: "model.merges", reason: "merge \(rank) is not two pieces")
            }
        }
        return .bytePairs(
            merges,
            TokenizerDefinition.BytePairOptions(
                isByteLevel: isByteLevel,
                ignoresMerges: model["ignore_merges"]?.boolValue ?? false,
                fusesUnknown: model["fuse_unk"]?.boolValue ?? false,
                usesUnknown: model["unk_token"]?.stringValue != nil
            )
        )
    }

    // MARK: Special tokens

    private func readSpecialTokens(_ definition: inout TokenizerDefinition, _ model: JSONValue) throws(TokenizerError) {
        let table = TokenizerBuilder.table(of: definition) { _ in true }
        let isByteLevel = TokenizerBuilder(definition).isByteLevel
        func find(_ text: String?) -> TokenID? {
            guard let text else { return nil }
            if let token = definition.addedTokens.first(where: { $0.content.elementsEqual(text.utf8) }) {
                return token.id
            }
            let bytes = Array(text.utf8)
            return table.find(isByteLevel ? ByteAlphabet.bytes(of: bytes) ?? bytes : bytes).map(TokenID.init(rawValue:))
        }
        func configured(_ name: String) -> String? {
            configuration[name]?.stringValue ?? configuration[name]?["content"]?.stringValue
        }
        definition.bos = find(configured("bos_token")) ?? find(configured("cls_token"))
        definition.eos = find(configured("eos_token")) ?? find(configured("sep_token"))
        definition.padding = find(configured("pad_token"))
        definition.unknown = find(model["unk_token"]?.stringValue) ?? find(configured("unk_token"))
        if let id = model["unk_id"]?.integerValue, id >= 0, id < definition.pieces.count {
            definition.unknown = TokenID(id)
        }
        if let unknown = definition.unknown, definition.kinds[Int(unknown.rawValue)] != .byte {
            definition.kinds[Int(unknown.rawValue)] = .unknown
        }
        (definition.prefix, definition.suffix) = try HuggingFaceTemplate.read(json["post_processor"] ?? .null, find)
        if definition.bos == nil, let first = definition.prefix.first { definition.bos = first }
        adjust(&definition)
        definition.findEndOfGeneration([])
    }

    /// `add_bos_token` and `add_eos_token`, where they are given, outrank the template.
    private func adjust(_ definition: inout TokenizerDefinition) {
        if let adds = configuration["add_bos_token"]?.boolValue, let bos = definition.bos {
            definition.prefix.removeAll { $0 == bos }
            if adds { definition.prefix.insert(bos, at: 0) }
        }
        if let adds = configuration["add_eos_token"]?.boolValue, let eos = definition.eos {
            definition.suffix.removeAll { $0 == eos }
            if adds { definition.suffix.append(eos) }
        }
    }
}

/// The tokens around a text, of a `post_processor`.
private enum HuggingFaceTemplate {
    static func read(
        _ json: JSONValue,
        _ find: (String?) -> TokenID?
    ) throws(TokenizerError) -> (prefix: [TokenID], suffix: [TokenID]) {
        switch json["type"]?.stringValue {
        case nil, "ByteLevel": return ([], [])
        case "Sequence":
            var prefix: [TokenID] = []
            var suffix: [TokenID] = []
            for part in json["processors"]?.arrayValue ?? [] {
                let found = try read(part, find)
                prefix += found.prefix
                suffix += found.suffix
            }
            return (prefix, suffix)
        case "BertProcessing", "RobertaProcessing":
            return (
                [find(json["cls"]?[0]?.stringValue)].compactMap(\.self),
                [find(json["sep"]?[0]?.stringValue)].compactMap(\.self)
            )
        case "TemplateProcessing": return try template(json, find)
        case let name?: throw .unsupported(component: "post-processor", name: name)
        }
    }

    private static func template(
        _ json: JSONValue,
        _ find: (String?) -> TokenID?
    ) throws(TokenizerError) -> (prefix: [TokenID], suffix: [TokenID]) {
        var prefix: [TokenID] = []
        var suffix: [TokenID] = []
        var isAfter = false
        for part in json["single"]?.arrayValue ?? [] {
            if part["Sequence"] != nil {
                isAfter = true
                continue
            }
            guard let name = part["SpecialToken"]?["id"]?.stringValue else {
                throw .invalid(field: "post_processor", reason: "a part of its template is no token and no sequence")
            }
            let listed = json["special_tokens"]?[name]?["ids"]?.arrayValue?.compactMap(\.integerValue)
                .filter { $0 >= 0 && $0 < TokenizerDefinition.largestPieceCount }.map { TokenID($0) }
            let tokens = listed ?? [find(name)].compactMap(\.self)
            if isAfter { suffix += tokens } else { prefix += tokens }
        }
        return (prefix, suffix)
    }
}
