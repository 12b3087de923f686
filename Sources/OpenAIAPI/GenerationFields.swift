import JSON

/// The parameters chats and plain completions share, as the caller sent them: checked on their own, nil when absent.
package struct GenerationFields: Sendable, Equatable {
    package var temperature: Double?
    package var topP: Double?
    /// Tokens kept by top-k; nil is the model's default, 0 switches it off (sent as 0 or −1).
    package var topK: Int?
    package var minP: Double?
    package var typicalP: Double?
    package var repetitionPenalty: Double?
    package var presencePenalty: Double?
    package var frequencyPenalty: Double?
    package var logitBias: [LogitBias] = []
    package var seed: Int?
    package var minTokens = 0
    package var stop: [String] = []
    package var stopTokenIDs: [Int] = []
    package var ignoresEndOfSequence = false
    package var includesStopString = false
    package var skipsSpecialTokens = true
    /// Whether choices report their token ids.
    package var returnsTokenIDs = false
    /// Whether the usage reports the time of computing.
    package var returnsComputeTime = false
    /// Keeps this request's cached prefixes apart from others'.
    package var cacheSalt: String?
    /// Order in the waiting queue: lower runs first.
    package var priority = 0
    /// Whether a token limit beyond what the context still holds is cut to that rather than refused; nil where the request
    /// is silent.
    package var cutsMaxTokens: Bool?
    /// Answers per prompt.
    package var choiceCount = 1
    /// What the answer must be; nil for anything.
    package var structure: RequestedStructure?
    /// The adapters that the answer is written under; nil leaves that to the model's name.
    package var adapters: [AdapterSelection]?
    /// nil when the answer is not streamed.
    package var streaming: StreamOptions?

    /// What a request that names none of them asks for.
    package init() {}

    /// A number added to one token's logit.
    package struct LogitBias: Sendable, Equatable {
        package var token: Int
        package var bias: Double
    }

    /// How an answer is streamed.
    package struct StreamOptions: Sendable, Equatable {
        /// Whether a last chunk reports the token counts.
        package var includesUsage: Bool

        package init(includesUsage: Bool = false) { self.includesUsage = includesUsage }
    }

    /// Most stop strings, as OpenAI has it.
    package static let stopLimit = 4
    /// Most answers to one prompt.
    package static let choiceLimit = 128
    /// Largest count of tokens a request may name.
    package static let tokenLimit = FieldReader.tokenLimit
    /// Most tokens in `logit_bias`.
    package static let biasLimit = 1_024
}

extension GenerationFields {
    /// Reads the shared parameters and refuses those that this server cannot honour.
    ///
    /// - Parameter own: parameters that the caller reads itself, though others cannot honour them.
    init(_ reader: inout FieldReader, except own: Set<String> = []) throws(APIError) {
        try reader.refuse(UnsupportedField.generation.filter { !own.contains($0.name) })
        try readSampling(&reader)
        try readStopping(&reader)
        structure = try RequestedStructure.read(&reader)
        adapters = try AdapterSelection.read(&reader)
        minTokens = try reader.integer("min_tokens", in: 0...Self.tokenLimit) ?? 0
        returnsTokenIDs = try reader.bool("return_token_ids") ?? false
        returnsComputeTime = try reader.bool("perf_metrics_in_response") ?? false
        skipsSpecialTokens = try reader.bool("skip_special_tokens") ?? true
        priority = try reader.integer("priority", in: Int(Int32.min)...Int(Int32.max)) ?? 0
        choiceCount = try reader.integer("n", in: 1...Self.choiceLimit) ?? 1
        try readCacheSalt(&reader)
        try readLimitBehavior(&reader)
        try readStreaming(&reader)
        try Self.readMetadata(&reader)
    }

    private mutating func readSampling(_ reader: inout FieldReader) throws(APIError) {
        temperature = try reader.number("temperature", in: 0...2)
        topP = try reader.number("top_p", in: 0...1)
        topK = try reader.integer("top_k", in: -1...Self.tokenLimit).map { max(0, $0) }
        minP = try reader.number("min_p", in: 0...1)
        typicalP = try reader.number("typical_p", in: 0...1)
        repetitionPenalty = try reader.number("repetition_penalty", in: 0.01...10)
        presencePenalty = try reader.number("presence_penalty", in: -2...2)
        frequencyPenalty = try reader.number("frequency_penalty", in: -2...2)
        seed = try reader.integer("seed", in: Int.min...Int.max)
        guard let bias = try reader.object("logit_bias") else { return }
        if bias.count > Self.biasLimit {
            let limit = "\(bias.count) tokens are named, and at most \(Self.biasLimit) may be."
            throw .invalidValue(reader.parameter("logit_bias"), limit)
        }
        for (key, value) in bias {
            let parameter = "\(reader.parameter("logit_bias")).\(key)"
            guard let token = Int(key), (0...Self.tokenLimit).contains(token) else {
                throw .invalidValue(reader.parameter("logit_bias"), "'\(key)' is no token id.")
            }
            logitBias.append(LogitBias(token: token, bias: try FieldReader.number(value, parameter, in: -100...100)))
        }
    }

    private mutating func readStopping(_ reader: inout FieldReader) throws(APIError) {
        ignoresEndOfSequence = try reader.bool("ignore_eos") ?? false
        includesStopString = try reader.bool("include_stop_str_in_output") ?? false
        for (index, value) in (try reader.array("stop_token_ids") ?? []).enumerated() {
            let parameter = "\(reader.parameter("stop_token_ids"))[\(index)]"
            stopTokenIDs.append(try FieldReader.integer(value, parameter, in: 0...Self.tokenLimit))
        }
        guard let value = reader.value("stop", FieldReader.textOrTexts(atMost: Self.stopLimit)) else { return }
        let parameter = reader.parameter("stop")
        switch value {
        case .string(let text):
            if text.isEmpty { throw .invalidValue(parameter, "a stop string cannot be empty.") }
            stop = [try FieldReader.string(value, parameter, bytes: FieldReader.stopBytes)]
        case .array:
            stop = try reader.stopStrings("stop", limit: Self.stopLimit)
        default:
            throw .invalidType(parameter, expected: "a string or an array of strings", got: value)
        }
    }

    private mutating func readCacheSalt(_ reader: inout FieldReader) throws(APIError) {
        cacheSalt = try reader.string("cache_salt", bytes: 1024)
        let isolation = try reader.string("prompt_cache_isolation_key", bytes: 1024)
        if let isolation, let cacheSalt, cacheSalt != isolation {
            throw .invalidValue(
                reader.parameter("prompt_cache_isolation_key"),
                "it differs from 'cache_salt', which means the same."
            )
        }
        cacheSalt = cacheSalt ?? isolation
    }

    /// Fireworks' `context_length_exceeded_behavior`, which is about the answer's limit: a prompt is never cut.
    private mutating func readLimitBehavior(_ reader: inout FieldReader) throws(APIError) {
        let name = "context_length_exceeded_behavior"
        guard let value = reader.value(name, FieldReader.oneOf(["truncate", "error"])) else { return }
        switch value {
        case "truncate": cutsMaxTokens = true
        case "error": cutsMaxTokens = false
        case .string(let text):
            throw .invalidValue(reader.parameter(name), "'\(text)' is neither 'truncate' nor 'error'.")
        default: throw .invalidType(reader.parameter(name), expected: "a string", got: value)
        }
    }

    private mutating func readStreaming(_ reader: inout FieldReader) throws(APIError) {
        let isStreamed = try reader.bool("stream") ?? false
        let options = try reader.object("stream_options")
        if isStreamed { streaming = StreamOptions() }
        guard let options else { return }
        let parameter = reader.parameter("stream_options")
        if !isStreamed { throw .invalidValue(parameter, "it is only allowed when 'stream' is true.") }
        var inner = FieldReader(options, path: parameter)
        streaming?.includesUsage = try inner.bool("include_usage") ?? false
        try inner.refuse([
            UnsupportedField(
                "include_obfuscation",
                "This server does not pad chunks against eavesdroppers.",
                harmless: [false]
            ),
            UnsupportedField(
                "continuous_usage_stats",
                "This server reports usage in the last chunk.",
                harmless: [false]
            ),
        ])
        try inner.finish()
    }

    /// Parameters about the request rather than the answer: checked, then dropped.
    static func readMetadata(_ reader: inout FieldReader) throws(APIError) {
        _ = try reader.string("user", bytes: 4096)
        _ = try reader.string("safety_identifier", bytes: 4096)
        _ = try reader.string("prompt_cache_key", bytes: 4096)
        if let metadata = try reader.object("metadata") {
            let parameter = reader.parameter("metadata")
            for (key, value) in metadata { _ = try FieldReader.string(value, "\(parameter).\(key)") }
        }
        if let tier = try reader.string("service_tier"), tier != "auto", tier != "default" {
            throw .unsupported(reader.parameter("service_tier"), "This server knows the tiers 'auto' and 'default'.")
        }
    }
}
