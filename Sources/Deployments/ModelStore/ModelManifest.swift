import Crypto
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

    /// Sizes that are taken for a file's: beyond a pebibyte somebody errs or lies.
    static let fileSizes = 0...(1 << 50)
    /// What all files together may have; far enough from where an `Int` ends to reckon with.
    static let totalLimit = 1 << 60

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

    /// Reads what `json` writes.
    init(json: JSONValue) throws(ManifestFault) {
        guard let name = json["name"]?.stringValue else { throw .missing("name") }
        guard let source = json["source"]?.stringValue else { throw .missing("source") }
        // Within 35,000 years of ours; what a `Date` holds can be more than an integer does.
        guard let created = json["created"]?.integerValue, created.magnitude < 1 << 40 else {
            throw .missing("created")
        }
        guard let list = json["files"]?.arrayValue, !list.isEmpty else { throw .missing("files") }
        var files: [File] = []
        var total = 0
        for entry in list {
            guard let path = entry["path"]?.stringValue, StoredPath.isSafe(path) else { throw .missing("files.path") }
            guard let hash = entry["sha256"]?.stringValue.flatMap(ContentHash.init) else {
                throw .missing("files.sha256")
            }
            guard let size = entry["size"]?.integerValue, Self.fileSizes.contains(size) else {
                throw .missing("files.size")
            }
            total += size
            if total > Self.totalLimit { throw .tooLarge }
            files.append(File(path: path, hash: hash, byteCount: size))
        }
        self.init(
            name: name,
            // Earlier versions wrote down what the hub sent.
            source: PlainText.shown(source),
            licence: (json["licence"]?.stringValue).map(PlainText.shown),
            created: Date(timeIntervalSince1970: TimeInterval(created)),
            files: files
        )
    }
}

/// What is wrong with a manifest.
enum ManifestFault: Error {
    case missing(String)
    /// Sizes that no disk has room for together.
    case tooLarge

    var sentence: String {
        switch self {
        case .missing(let field): "\"\(field)\" is missing or no value it can have."
        case .tooLarge: "The sizes of its files add up to more than a disk can have."
        }
    }
}

/// Rules for names that come from elsewhere and become paths here.
package enum StoredPath {
    /// Whether `path` is relative, stays inside its folder and has only plain components without control characters.
    package static func isSafe(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= 1024, !PlainText.hasControls(path) else { return false }
        for component in path.split(separator: "/", omittingEmptySubsequences: false) {
            if component.isEmpty || component == "." || component == ".." || component.utf8.count > 200 { return false }
            if component.utf8.contains(UInt8(ascii: "\\")) { return false }
        }
        return true
    }

    /// Bytes a component may have. File systems take 255, and names of locks and temporary files have more around it.
    private static let componentLimit = 180

    /// `name` as one path component; different names give different components.
    ///
    /// One that would be too long is cut and ends in `~`, which stands in no other, and 16 digits of its SHA-256.
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
        if text.utf8.count <= componentLimit { return text }
        let digits = ContentHash(SHA256.hash(data: Data(name.utf8))).hex.prefix(16)
        return "\(text.prefix(componentLimit - digits.count - 1))~\(digits)"
    }
}
