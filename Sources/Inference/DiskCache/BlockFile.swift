import Foundation
import Models
import Tokenization

/// One block as a file.
///
/// Little-endian words, then the tokens as 32-bit integers, then the block's runs of bytes one behind the other:
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | `HEARTHKV` |
/// | 8 | 4 | format version, 1 |
/// | 12 | 4 | number of tokens |
/// | 16 | 8 | bytes of the payload |
/// | 24 | 16 | the block's hash |
/// | 40 | 16 | the hash of the chain before it |
/// | 56 | 16 | the form: which model, which arithmetic (`CacheForm`) |
/// | 72 | 8 | checksum of the payload's runs |
/// | 80 | 8 | checksum of everything before, and of the tokens |
///
/// Checksums are `ContentChecksum`s. A file that differs in anything from what is expected is no block.
enum BlockFile {
    static let headerBytes = 88
    static let magic: UInt64 = 0x564B_4854_5241_4548  // "HEARTHKV" as it stands in the file
    static let version: UInt32 = 1

    /// Bytes of a whole file.
    static func byteCount(tokenCount: Int, payloadBytes: Int) -> Int { headerBytes + 4 * tokenCount + payloadBytes }

    /// Header and tokens of a block whose payload has this checksum.
    static func head(
        _ content: BlockContent,
        form: CacheForm.Digest,
        payloadBytes: Int,
        checksum: UInt64
    ) -> [UInt8] {
        var words: [UInt64] = [
            magic, UInt64(version) | UInt64(content.tokens.count) << 32, UInt64(payloadBytes),
            content.hash.first, content.hash.second, content.parent.first, content.parent.second,
            form.first, form.second, checksum,
        ].map(\.littleEndian)
        let tokens = content.tokens.map { $0.rawValue.littleEndian }
        let own = words.withUnsafeBytes { words in
            tokens.withUnsafeBytes { ContentChecksum.of(runs: [words, $0]) }
        }
        words.append(own.littleEndian)
        return words.withUnsafeBytes { Array($0) } + tokens.withUnsafeBytes { Array($0) }
    }

    /// The payload's checksum as the file's head tells it; nil unless the head is exactly that of `content`.
    static func payloadChecksum(
        in head: [UInt8],
        for content: BlockContent,
        form: CacheForm.Digest,
        payloadBytes: Int
    ) -> UInt64? {
        guard head.count == headerBytes + 4 * content.tokens.count else { return nil }
        let checksum = head.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 72, as: UInt64.self) }
        let expected = Self.head(
            content,
            form: form,
            payloadBytes: payloadBytes,
            checksum: UInt64(littleEndian: checksum)
        )
        return head == expected ? UInt64(littleEndian: checksum) : nil
    }
}

/// What has to be equal for keys and values to be exchangeable: the weights, the arithmetic and the cache's layout.
package struct CacheForm: Sendable, Equatable {
    /// 128 bits over the facts.
    package struct Digest: Sendable, Hashable {
        package var first: UInt64
        package var second: UInt64

        /// Names a folder: 32 hexadecimal digits.
        package var name: String { hexadecimal(first) + hexadecimal(second) }

        /// The digest that `name` is the name of; nil when it is none.
        package init?(name: String) {
            guard let (first, second) = words(ofHexadecimal: name) else { return nil }
            (self.first, self.second) = (first, second)
        }

        init(first: UInt64, second: UInt64) {
            self.first = first
            self.second = second
        }
    }

    /// What people call the model; decides nothing.
    package let modelName: String
    /// Facts, each of which keeps blocks apart when it differs, by name.
    package let facts: [String]
    package let digest: Digest

    /// - Parameter facts: such as `weights=…`, in a fixed order.
    package init(modelName: String, facts: [String]) {
        self.modelName = modelName
        self.facts = facts
        let text = facts.map { "\($0.utf8.count):\($0)" }.joined(separator: "\n")
        digest = Digest(first: ContentChecksum.of(text, seed: 1), second: ContentChecksum.of(text, seed: 2))
    }
}

extension BlockHash {
    /// Names a file: 32 hexadecimal digits.
    package var name: String { hexadecimal(first) + hexadecimal(second) }

    /// The hash that `name` is the name of; nil when it is none.
    package init?(name: some StringProtocol) {
        guard let (first, second) = words(ofHexadecimal: name) else { return nil }
        self.init(first: first, second: second)
    }
}

/// 16 lower-case digits.
private func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

private func words(ofHexadecimal name: some StringProtocol) -> (UInt64, UInt64)? {
    guard name.utf8.count == 32, name.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
        return nil
    }
    guard let first = UInt64(name.prefix(16), radix: 16), let second = UInt64(name.suffix(16), radix: 16) else {
        return nil
    }
    return (first, second)
}
