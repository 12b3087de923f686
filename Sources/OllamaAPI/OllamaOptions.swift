import JSON
import OpenAIAPI

/// The member `options` of a request: how the answer is sampled and bounded; nil where the request is silent.
package struct OllamaOptions: Sendable, Equatable {
    package var temperature: Double?
    /// Tokens kept by top-k; 0 switches it off.
    package var topK: Int?
    package var topP: Double?
    package var minP: Double?
    package var typicalP: Double?
    package var repeatPenalty: Double?
    package var presencePenalty: Double?
    package var frequencyPenalty: Double?
    package var seed: Int?
    package var stop: [String] = []
    /// `num_predict`: most tokens of answer; nil for as many as the context holds.
    package var maxTokens: Int?
    /// `num_ctx`: the context the caller counts on, in tokens.
    package var contextLength: Int?

    /// Most stop strings.
    package static let stopLimit = 64

    package init() {}

    /// Reads the member `options` of a request.
    init(_ reader: inout FieldReader) throws(APIError) {
        self.init()
        guard let object = try reader.object("options") else { return }
        var options = FieldReader(object, path: reader.parameter("options"))
        temperature = try options.number("temperature", in: 0...2)
        topK = try options.integer("top_k", in: -1...FieldReader.tokenLimit).map { max(0, $0) }
        topP = try options.number("top_p", in: 0...1)
        minP = try options.number("min_p", in: 0...1)
        typicalP = try options.number("typical_p", in: 0...1)
        repeatPenalty = try options.number("repeat_penalty", in: 0.01...10)
        presencePenalty = try options.number("presence_penalty", in: -2...2)
        frequencyPenalty = try options.number("frequency_penalty", in: -2...2)
        // −1 is Ollama's word for a random one.
        seed = try options.integer("seed", in: Int.min...Int.max).flatMap { $0 == -1 ? nil : $0 }
        stop = try options.stopStrings("stop", limit: Self.stopLimit)
        // −1 is "without end", −2 "until the context is full": the same where contexts are never shifted.
        let limit = try options.integer("num_predict", in: -2...FieldReader.tokenLimit)
        maxTokens = limit.flatMap { $0 > 0 ? $0 : nil }
        contextLength = try options.integer("num_ctx", in: 1...FieldReader.tokenLimit)
        try Self.refuseOthers(&options)
        options.ignore(Self.machine)
        try options.finish()
    }

    private static func refuseOthers(_ options: inout FieldReader) throws(APIError) {
        let decoding = "This server does not offer this way of decoding."
        try options.refuse([
            UnsupportedField("mirostat", decoding, harmless: [0, 0.0]),
            UnsupportedField("tfs_z", decoding, harmless: [1, 1.0]),
            UnsupportedField(
                "repeat_last_n",
                "This server's penalties look at the whole text; send -1 or leave it out.",
                harmless: [-1]
            ),
            UnsupportedField("penalize_newline", "Penalties see every token alike.", harmless: [true]),
            UnsupportedField("logits_all", "This server does not report this.", harmless: [false]),
            UnsupportedField("vocab_only", "This server loads whole models.", harmless: [false]),
            UnsupportedField("embedding_only", "This server's chat models write text.", harmless: [false]),
        ])
        // Without mirostat these two mean nothing.
        options.ignore(["mirostat_tau", "mirostat_eta"])
    }

    /// How Ollama's own runner uses the machine, and how it shifts a full context, which is not done here: none of it
    /// concerns the answer. The command line decides for this server.
    private static let machine = [
        "numa", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "use_mmap", "use_mlock", "num_thread",
        "num_keep",
    ]
}
