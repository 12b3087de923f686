package import Foundation
import JSON

/// What a stored model consists of: kept as `models/<name>.json`.
package struct ModelManifest: Sendable, Equatable {
    /// One file of a model.
    package struct File: Sendable, Equatable {
        /// Path inside the model's folder, with `/`; checked to stay inside.
        package var path: String
        /// SHA-256 of the content, which names its blob.
        package var hash: ContentHash
        package var byteCount: Int

        package init(path: String, hash: ContentHash, byteCount: Int) {
            self.path = path
            self.hash = hash
            self.byteCount = byteCount
        }
    }

    /// The reference it was pulled by.
    package var name: String
    /// Where it came from, for people: a package and its version, or a repository and its commit.
    package var source: String
    /// Licence as its makers name it; nil when they do not tell.
    package var licence: String?
    package var created: Date
    /// At least one, the file or folder to open first.
    package var files: [File]

    package init(name: String, source: String, licence: String?, created: Date, files: [File]) {
        self.name = name
        self.source = source
        self.licence = licence
        // Whole seconds, as they are written.
        self.created = Date(timeIntervalSince1970: created.timeIntervalSince1970.rounded(.down))
        self.files = files
    }

    /// Sum of the files' sizes.
    package var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// The manifest as JSON.
    var json: JSONValue {
        [
            "name": .string(name),
            "source": .string(source),
            "licence": licence.map { .string($0) } ?? .null,
            "created": .integer(Int64(created.timeIntervalSince1970)),
            "files": .array(
                files.map { file in
                    [
                        "path": .string(file.path),
                        "sha256": .string(file.hash.hex),
                        "size": .integer(Int64(file.byteCount)),
                    ]
                }
            ),
        ]
    }

    /// Reads what `json` writes. Errors are sentences.
    init(json: JSONValue) throws(ManifestFault) {
        guard let name = json["name"]?.stringValue else { throw .missing("name") }
        guard let source = json["source"]?.stringValue else { throw .missing("source") }
        guard let created = json["created"]?.integerValue else { throw .missing("created") }
        guard let list = json["files"]?.arrayValue, !list.isEmpty else { throw .missing("files") }
        var files: [File] = []
        for entry in list {
            guard let path = entry["path"]?.stringValue, StoredPath.isSafe(path) else { throw .missing("files.path") }
            guard let hash = entry["sha256"]?.stringValue.flatMap(ContentHash.init) else {
                throw .missing("files.sha256")
            }
            guard let size = entry["size"]?.integerValue, size >= 0 else { throw .missing("files.size") }
            files.append(File(path: path, hash: hash, byteCount: size))
        }
        self.init(
            name: name,
            source: source,
            licence: json["licence"]?.stringValue,
            created: Date(timeIntervalSince1970: TimeInterval(created)),
            files: files
        )
    }
}

/// What is wrong with a manifest.
enum ManifestFault: Error {
    case missing(String)

    var sentence: String {
        switch self {
        case .missing(let field): "\"\(field)\" is missing or no value it can have."
        }
    }
}

/// Rules for names that come from elsewhere and become paths here.
package enum StoredPath {
    /// Whether `path` is relative, stays inside its folder and has only plain components.
    package static func isSafe(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= 1024 else { return false }
        for component in path.split(separator: "/", omittingEmptySubsequences: false) {
            if component.isEmpty || component == "." || component == ".." || component.utf8.count > 200 { return false }
            if component.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) { return false }
        }
        return true
    }

    /// `name` as one path component; different names give different components.
    static func component(_ name: String) -> String {
        var text = ""
        for (index, byte) in name.utf8.enumerated() {
            let character = Character(Unicode.Scalar(byte))
            let isPlain =
                character.isLetter && byte < 0x80 || character.isNumber && byte < 0x80 || "_-.".contains(character)
            if isPlain && !(index == 0 && character == ".") {
                text.append(character)
            } else {
                text += "%" + ContentHash.hexadecimal([byte])
            }
        }
        return text
    }
}
