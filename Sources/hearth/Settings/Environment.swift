import ArgumentParser
import Foundation

/// The process's environment variables: read here and nowhere else, and handed down as settings.
struct Environment {
    private let variables: [String: String]

    init(_ variables: [String: String] = ProcessInfo.processInfo.environment) { self.variables = variables }

    /// The value of `name`; nil when it is unset or empty.
    subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// The value of `name` as a whole number.
    func integer(_ name: String) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let value = Int(text) else { throw ValidationError("\(name) is \"\(text)\", which is no whole number.") }
        return value
    }

    /// Where models are kept: `HEARTH_HOME`, or `hearth` in the place the XDG specification names for data.
    var home: Setting<String> {
        if let home = self["HEARTH_HOME"] { return Setting(Self.absolute(home), from: .environment("HEARTH_HOME")) }
        if let data = self["XDG_DATA_HOME"], data.hasPrefix("/") {
            return Setting(data + "/hearth", from: .environment("XDG_DATA_HOME"))
        }
        return Setting(NSHomeDirectory() + "/.local/share/hearth", from: .default)
    }

    /// Where computed prefixes are kept: `HEARTH_CACHE_DIR`, or a folder in the place the XDG specification names for
    /// what can be made again.
    var cacheFolder: Setting<String> {
        if let folder = self["HEARTH_CACHE_DIR"] {
            return Setting(Self.absolute(folder), from: .environment("HEARTH_CACHE_DIR"))
        }
        if let cache = self["XDG_CACHE_HOME"], cache.hasPrefix("/") {
            return Setting(cache + "/hearth/prefixes", from: .environment("XDG_CACHE_HOME"))
        }
        return Setting(NSHomeDirectory() + "/.cache/hearth/prefixes", from: .default)
    }

    /// The hub's access token, from where its own tools keep it.
    var hubToken: String? {
        if let token = self["HF_TOKEN"] { return token.trimmingCharacters(in: .whitespacesAndNewlines) }
        let cache = self["HF_HOME"] ?? (self["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/huggingface"
        let path = self["HF_TOKEN_PATH"] ?? cache + "/token"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return token.isEmpty ? nil : token
    }

    static func absolute(_ path: String) -> String {
        let expanded = (path as NSString).expandingTildeInPath
        return expanded.hasPrefix("/") ? expanded : FileManager.default.currentDirectoryPath + "/" + expanded
    }
}

/// A value with where it came from, so that what was decided can be told.
struct Setting<Value: Sendable>: Sendable {
    /// Who decided.
    enum Origin: Sendable {
        case flag(String)
        case environment(String)
        case `default`
    }

    let value: Value
    let origin: Origin

    init(_ value: Value, from origin: Origin) {
        self.value = value
        self.origin = origin
    }

    /// Takes the flag, else the variable, else the default.
    init(flag: (name: String, value: Value?), variable: (name: String, value: Value?), default fallback: Value) {
        if let value = flag.value {
            self.init(value, from: .flag(flag.name))
        } else if let value = variable.value {
            self.init(value, from: .environment(variable.name))
        } else {
            self.init(fallback, from: .default)
        }
    }

    /// `8080 (HEARTH_PORT)`.
    var sentence: String {
        switch origin {
        case .flag(let name): "\(value) (\(name))"
        case .environment(let name): "\(value) (\(name))"
        case .default: "\(value)"
        }
    }
}
