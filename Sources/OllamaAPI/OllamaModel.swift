package import Foundation
package import JSON

/// A model as `/api/tags`, `/api/ps` and `/api/show` tell of it.
package struct OllamaModel: Sendable {
    package var name: String
    package var modified: Date
    /// Bytes on the disk; 0 where it is not known.
    package var bytes: Int
    /// `gguf` or `safetensors`.
    package var format: String
    /// Architecture as checkpoints name it.
    package var family: String
    package var parameterCount: Int
    /// Most tokens, prompt and answer together.
    package var contextLength: Int
    package var vocabularySize: Int
    /// Floats of a vector; nil for a model that writes.
    package var embeddingLength: Int?
    /// What the model can do, by Ollama's names: `completion`, `tools`, `thinking`, `embedding`.
    package var capabilities: [String]
    /// Settings used where a request is silent, by Ollama's names.
    package var defaults: [(name: String, value: String)]

    package init(name: String, modified: Date, bytes: Int, format: String, family: String) {
        self.name = name
        self.modified = modified
        self.bytes = bytes
        self.format = format
        self.family = family
        parameterCount = 0
        contextLength = 0
        vocabularySize = 0
        capabilities = []
        defaults = []
    }

    /// An entry of `/api/tags`.
    package var tag: JSONValue {
        var object = head
        object["modified_at"] = .string(OllamaTime.text(modified))
        return .object(object)
    }

    /// An entry of `/api/ps`: models stay loaded as long as the server runs.
    package var process: JSONValue {
        var object = head
        object["expires_at"] = "2318-01-01T00:00:00Z"
        object["size_vram"] = 0
        object["context_length"] = .integer(Int64(contextLength))
        return .object(object)
    }

    /// The answer to `/api/show`, without a modelfile and a template, which are in languages of Ollama's own.
    package var show: JSONValue {
        var info: JSONObject = [
            "general.architecture": .string(family),
            "general.basename": .string(name),
            "general.parameter_count": .integer(Int64(parameterCount)),
            "\(family).context_length": .integer(Int64(contextLength)),
            "\(family).vocab_size": .integer(Int64(vocabularySize)),
        ]
        info["\(family).embedding_length"] = embeddingLength.map { .integer(Int64($0)) }
        return [
            "parameters": .string(defaults.map { "\($0.name) \($0.value)" }.joined(separator: "\n")),
            "details": details,
            "model_info": .object(info),
            "capabilities": .array(capabilities.map { .string($0) }),
            "modified_at": .string(OllamaTime.text(modified)),
        ]
    }

    private var head: JSONObject {
        [
            "name": .string(name), "model": .string(name), "size": .integer(Int64(bytes)),
            // Nobody has summed the file.
            "digest": "",
            "details": details,
        ]
    }

    private var details: JSONValue {
        [
            "parent_model": "",
            "format": .string(format),
            "family": .string(family),
            "families": [.string(family)],
            "parameter_size": .string(Self.rounded(parameterCount)),
            "quantization_level": "unknown",
        ]
    }

    /// `134.52M`, `1.2B`.
    static func rounded(_ count: Int) -> String {
        let number = Double(count)
        switch count {
        case 1_000_000_000...: return String(format: "%.1fB", number / 1e9)
        case 1_000_000...: return String(format: "%.2fM", number / 1e6)
        case 1_000...: return String(format: "%.0fK", number / 1e3)
        default: return String(count)
        }
    }
}

/// The release of Ollama whose API this follows: its tools ask, and some refuse older ones.
package enum OllamaVersion {
    package static let followed = "0.12.6"
}
