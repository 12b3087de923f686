import Foundation

/// What a user types to name a model.
///
/// `smollm2-135m` is a name of the catalogue; `hf:owner/repository`, `hf:owner/repository:Q4_K_M` and
/// `hf:owner/repository@revision:file.gguf` name files on the Hugging Face hub; anything with a slash, a leading dot
/// or the ending `.gguf` is a path.
package enum ModelReference: Sendable, Equatable {
    case catalogue(CatalogueEntry)
    case hub(HubReference)
    /// A file or a folder, as typed.
    case path(String)

    package init(parsing text: String) throws(ModelReferenceError) {
        if text.isEmpty { throw .empty }
        if text.hasPrefix("hf:") {
            self = .hub(try HubReference(parsing: text))
        } else if let entry = Catalogue.entry(named: text) {
            self = .catalogue(entry)
        } else if Self.looksLikePath(text) {
            self = .path(text)
        } else {
            throw .nameUnknown(name: text, suggestions: NearNames.near(text, among: Catalogue.entries.map(\.name)))
        }
    }

    /// The name the store keeps it under; nil for a path, which is not kept.
    package var storedName: String? {
        switch self {
        case .catalogue(let entry): entry.name
        case .hub(let reference): reference.description
        case .path: nil
        }
    }

    /// The name requests use when the user gives no other: short, without a file's ending.
    package var servedName: String {
        switch self {
        case .catalogue(let entry): return entry.name
        case .hub(let reference): return reference.servedName
        case .path(let path):
            let name = Self.lastComponent(of: path)
            return name.lowercased().hasSuffix(".gguf") ? String(name.dropLast(5)) : name
        }
    }

    /// The last component of the absolute path: `.`, `..` and `~` are no names.
    private static func lastComponent(of path: String) -> String {
        let expanded = (path as NSString).expandingTildeInPath
        let absolute = expanded.hasPrefix("/") ? expanded : FileManager.default.currentDirectoryPath + "/" + expanded
        var components: [Substring] = []
        for component in absolute.split(separator: "/") where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return components.last.map(String.init) ?? path
    }

    private static func looksLikePath(_ text: String) -> Bool {
        text.contains("/") || text.hasPrefix(".") || text.hasPrefix("~") || text.lowercased().hasSuffix(".gguf")
    }
}

/// A model on the Hugging Face hub.
package struct HubReference: Sendable, Hashable, CustomStringConvertible {
    /// `owner/repository`.
    package let repository: String
    /// A branch, tag or commit; nil is `main`.
    package let revision: String?
    /// A file of the repository or a quantisation such as `Q4_K_M`; nil leaves the choice to Hearth.
    package let selector: String?

    package init(repository: String, revision: String? = nil, selector: String? = nil) {
        self.repository = repository
        self.revision = revision
        self.selector = selector
    }

    /// Reads `hf:owner/repository[@revision][:selector]`.
    init(parsing text: String) throws(ModelReferenceError) {
        var rest = text.dropFirst(3)
        var selector: String?
        if let colon = rest.firstIndex(of: ":") {
            selector = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            if selector?.isEmpty ?? true { throw .hubMalformed(text: text, reason: "nothing follows the last colon") }
        }
        var revision: String?
        if let at = rest.firstIndex(of: "@") {
            revision = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw .hubMalformed(text: text, reason: "owner and repository must stand with one slash between them")
        }
        for part in parts where !Self.isName(part) {
            throw .hubMalformed(text: text, reason: "\"\(part)\" is no name the hub allows")
        }
        if let revision, !Self.isRevision(revision) {
            throw .hubMalformed(text: text, reason: "\"\(revision)\" is no revision")
        }
        if let selector, !StoredPath.isSafe(selector) {
            throw .hubMalformed(text: text, reason: "\"\(selector)\" is no file of a repository")
        }
        self.init(repository: String(rest), revision: revision, selector: selector)
    }

    package var description: String {
        "hf:" + repository + (revision.map { "@" + $0 } ?? "") + (selector.map { ":" + $0 } ?? "")
    }

    /// The repository without its owner, and what was selected of it.
    var servedName: String {
        let name = repository.split(separator: "/").last.map(String.init) ?? repository
        guard let selector, !selector.lowercased().hasSuffix(".gguf") else { return name }
        return name + "-" + selector
    }

    private static func isName(_ text: Substring) -> Bool {
        if text.isEmpty || text.utf8.count > 96 || text.hasPrefix(".") || text.contains("..") { return false }
        return text.utf8.allSatisfy(isPlain)
    }

    private static func isRevision(_ text: String) -> Bool {
        let isSafe = text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            $0 != ".." && !$0.isEmpty
        }
        return isSafe && text.utf8.count <= 200 && text.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "/") }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// Why a text names no model.
package enum ModelReferenceError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty
    /// A word that is no catalogue name and does not look like a path.
    case nameUnknown(name: String, suggestions: [String])
    /// `hf:` followed by something that is no repository.
    case hubMalformed(text: String, reason: String)

    package var description: String {
        switch self {
        case .empty:
            "No model was named. " + Self.forms
        case .nameUnknown(let name, let suggestions):
            "There is no model \"\(name)\"." + NearNames.sentence(suggestions) + " " + Self.forms
        case .hubMalformed(let text, let reason):
            "\"\(text)\" names no model on the hub: \(reason). "
                + "Write hf:owner/repository, hf:owner/repository:Q4_K_M or hf:owner/repository:file.gguf."
        }
    }

    private static let forms =
        "Give a catalogue name (\(Catalogue.entries.map(\.name).joined(separator: ", "))), "
        + "a repository (hf:owner/repository:Q4_K_M), or a path (./model.gguf)."
}
