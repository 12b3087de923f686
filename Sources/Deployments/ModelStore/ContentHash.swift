package import Crypto
import Foundation

/// A SHA-256, as 64 lower-case hexadecimal digits.
package struct ContentHash: Sendable, Hashable, CustomStringConvertible {
    package let hex: String

    /// Nil unless `hex` is 64 hexadecimal digits; upper case is lowered.
    package init?(hex: String) {
        let lowered = hex.lowercased()
        guard lowered.utf8.count == 64, lowered.utf8.allSatisfy(Self.isHexDigit) else { return nil }
        self.hex = lowered
    }

    package init(_ digest: SHA256.Digest) { hex = Self.hexadecimal(digest) }

    package var description: String { hex }

    /// The bytes as lower-case hexadecimal digits.
    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

/// How a file that arrives is checked.
package enum ContentCheck: Sendable, Hashable {
    /// Its SHA-256 must be this.
    case sha256(ContentHash)
    /// Its git object id (SHA-1 over `blob <size>\0` and the content) must be this, 40 hexadecimal digits: what the hub
    /// tells of small files that are not kept in large-file storage.
    case gitBlob(String)
    /// Nothing is known but its origin; only the size is checked, when that is known.
    case origin(String)

    /// What unfinished copies and locks are named after: the same for everyone who waits for the same content.
    var key: String {
        switch self {
        case .sha256(let hash): "sha256-\(hash.hex)"
        case .gitBlob(let identifier): "git-\(identifier)"
        case .origin(let origin): "origin-\(ContentHash(SHA256.hash(data: Data(origin.utf8))).hex)"
        }
    }
}
