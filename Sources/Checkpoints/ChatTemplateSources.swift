import JSON

/// The chat templates that a checkpoint brings, as text.
struct ChatTemplateSources {
    /// The template to use unless another is asked for.
    var standard: String?
    /// The others by name, such as `tool_use`.
    var named: [String: String] = [:]

    /// From GGUF metadata: `tokenizer.chat_template`, and `tokenizer.chat_template.NAME` for others.
    init(_ gguf: GGUFFile) throws(CheckpointError) {
        let key = "tokenizer.chat_template"
        for (name, value) in gguf.metadata where name == key || name.hasPrefix(key + ".") {
            guard let text = value.stringValue else {
                throw .invalidValue(file: gguf.path, key: name, problem: "must be a string")
            }
            add(text, name: name == key ? "default" : String(name.dropFirst(key.count + 1)))
        }
    }

    /// From a folder. Of several places that state the same template, the first in this order counts:
    /// `chat_template.jinja` and `additional_chat_templates/NAME.jinja`, `chat_template.json`, `tokenizer_config.json`.
    init(_ folder: ModelFolder) throws(CheckpointError) {
        if let text = try folder.text("chat_template.jinja") { add(text, name: "default") }
        let subfolder = "additional_chat_templates"
        for file in folder.names(in: subfolder) where file.hasSuffix(".jinja") {
            if let text = try folder.text(subfolder + "/" + file) {
                add(text, name: String(file.dropLast(".jinja".count)))
            }
        }
        for file in ["chat_template.json", "tokenizer_config.json"] {
            if let settings = try folder.settings(file) { try add(settings) }
        }
    }

    /// Adds the member `chat_template`: a string, an object from names to strings, or a list of `{name, template}`.
    private mutating func add(_ settings: JSONSettings) throws(CheckpointError) {
        let key = "chat_template"
        switch settings[key] {
        case nil: return
        case .string(let text): add(text, name: "default")
        case .object(let templates):
            for (name, value) in templates {
                guard let text = value.stringValue else { throw settings.invalid(key, "must hold strings") }
                add(text, name: name)
            }
        case .array(let templates):
            for entry in templates {
                guard let name = entry["name"]?.stringValue, let text = entry["template"]?.stringValue else {
                    throw settings.invalid(key, "must be a string or a list of objects with name and template")
                }
                add(text, name: name)
            }
        default: throw settings.invalid(key, "must be a string or a list")
        }
    }

    /// Keeps a template unless one of that name is there already.
    private mutating func add(_ text: String, name: String) {
        if name == "default" {
            standard = standard ?? text
        } else if named[name] == nil {
            named[name] = text
        }
    }
}
