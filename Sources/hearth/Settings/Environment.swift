import ArgumentParser
import Foundation

/// The process's environment variables: read here and nowhere else, and handed down as settings.
struct Environment {
    private let variables: [String: String]

    init(_ variables: [String: String] = ProcessInfo.processInfo.environment) { self.variables = variables }

    /// The value of `name`; nil when it is unset or empty.
    subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// The value of `name`, empty or not; nil when it is unset.
    func unfiltered(_ name: String) -> String? { variables[name] }

    /// The value of `name` as a whole number.
    func integer(_ name: String) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let value = Int(text) else { throw ValidationError("\(name) is \"\(text)\", which is no whole number.") }
        return value
    }

    /// Where models are kept: `HEARTH_HOME`, or `hearth` in the place the XDG specification names for data.
    var home: Setting<String> {
        if let home = self["HEARTH_HOME"] { return Setting(absolute(home), from: .environment("HEARTH_HOME")) }
        if let data = self["XDG_DATA_HOME"], data.hasPrefix("/") {
            return Setting(data + "/hearth", from: .environment("XDG_DATA_HOME"))
        }
        return Setting(inUserHome(".local/share/hearth"), from: .default)
    }

    /// Where computed prefixes are kept: `HEARTH_CACHE_DIR`, or a folder in the place the XDG specification names for
    /// what can be made again.
    var cacheFolder: Setting<String> {
        if let folder = self["HEARTH_CACHE_DIR"] {
            return Setting(absolute(folder), from: .environment("HEARTH_CACHE_DIR"))
        }
        if let cache = self["XDG_CACHE_HOME"], cache.hasPrefix("/") {
            return Setting(cache + "/hearth/prefixes", from: .environment("XDG_CACHE_HOME"))
        }
        return Setting(inUserHome(".cache/hearth/prefixes"), from: .default)
    }

    /// The hub's access token, from where its own tools keep it.
    var hubToken: String? {
        let own = self["HF_TOKEN"]?.trimmingCharacters(in: .whitespacesAndNewlines)
        if let own, !own.isEmpty { return own }
        let cache = self["HF_HOME"] ?? (self["XDG_CACHE_HOME"] ?? inUserHome(".cache")) + "/huggingface"
        let path = self["HF_TOKEN_PATH"] ?? cache + "/token"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return token.isEmpty ? nil : token
    }

    /// `path` from the root on: a tilde is the user's home, and what is relative starts at the current folder.
    func absolute(_ path: String) -> String {
        if path == "~" { return userHome }
        if path.hasPrefix("~/") { return inUserHome(String(path.dropFirst(2))) }
        // Another user's home, `~name`, stands in the system's list of users only.
        let expanded = (path as NSString).expandingTildeInPath
        return expanded.hasPrefix("/") ? expanded : FileManager.default.currentDirectoryPath + "/" + expanded
    }

    private func inUserHome(_ path: String) -> String {
        userHome.hasSuffix("/") ? userHome + path : userHome + "/" + path
    }

    /// The folder that `~` stands for. `HOME` comes before the system's list of users, as in shells: containers,
    /// service managers and CI set it to have files elsewhere.
    private var userHome: String {
        if let home = self["HOME"], home.hasPrefix("/") { return home }
        return NSHomeDirectory()
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
