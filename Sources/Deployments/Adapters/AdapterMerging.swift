package import Checkpoints
import Crypto
import Foundation
import Inference
import Models
package import Tensors

/// A checkpoint with an adapter folded into its weights.
package struct MergedCheckpoint: Sendable {
    package let checkpoint: Checkpoint
    /// Names what was folded in: a fingerprint of the adapter and of the way in which it is done.
    package let fingerprint: String
    /// The adapter's files.
    let paths: [String]
    /// Weights that changed, with the types that they had and have.
    package let changes: [(name: String, old: ElementType?, new: ElementType)]

    /// Raise it when the same adapter gives other weights.
    private static let version = 1

    /// Reads the adapter and folds it into `base`. The weights are computed when they are read, on `workers`.
    ///
    /// - Parameters:
    ///   - isPrecise: whether changed weights of fewer than 8 bits get 8.
    ///   - floatType: what changed float weights are kept as; nil leaves them floats.
    package init(
        _ reference: AdapterReference,
        into base: Checkpoint,
        isPrecise: Bool = false,
        floatsAs floatType: ElementType? = nil,
        on workers: WorkerPool
    ) throws(AdapterError) {
        let adapter: AdapterCheckpoint
        do {
            adapter = try AdapterCheckpoint(path: reference.path)
        } catch {
            throw .unusable(reason: error.description)
        }
        do {
            checkpoint = try AdapterBase(base).merged(
                adapter,
                into: base,
                isPrecise: isPrecise,
                floatsAs: floatType,
                on: workers
            )
        } catch {
            throw .unusable(reason: "\(reference.path): \(error)")
        }
        fingerprint = "\(adapter.fingerprint()) \(Self.version)\(isPrecise ? " precise" : "")"
        paths = adapter.files
        changes = checkpoint.tensors.compactMap { tensor in
            let old = base.tensor(tensor.name)
            return old == tensor ? nil : (tensor.name, old?.elementType, tensor.elementType)
        }
    }

    /// The identity of its packed weights, which is nobody else's, by that of the base's.
    func packIdentity(base: PackIdentity) throws(PackError) -> PackIdentity {
        let files = try PackStore.identity(ofFiles: paths).digest
        let origins = ["merged", fingerprint, ContentHash.hexadecimal(files), "\(paths.count)"] + paths + base.origins
        return PackIdentity(digest: Self.digest(base: base.digest, fingerprint), origins: origins)
    }

    /// The digest of the merged weights' pack.
    static func digest(base: [UInt8], _ fingerprint: String) -> [UInt8] {
        PackIdentity.digest(of: base, changedBy: "merged \(fingerprint)")
    }
}

/// What a pack of merged weights says of its origins.
struct MergedOrigins {
    let fingerprint: String
    /// The adapter's files, and the digest of their state.
    let paths: [String]
    let filesDigest: String
    /// Those of the base's pack.
    let base: [String]

    /// nil for the origins of other packs.
    init?(_ origins: [String]) {
        guard origins.count > 4, origins[0] == "merged", let count = Int(origins[3]), count > 0,
            origins.count > 4 + count
        else { return nil }
        fingerprint = origins[1]
        filesDigest = origins[2]
        paths = Array(origins[4..<4 + count])
        base = Array(origins[(4 + count)...])
    }

    /// Whether the adapter's files are what they were.
    var hasFiles: Bool {
        guard let identity = try? PackStore.identity(ofFiles: paths) else { return false }
        return ContentHash.hexadecimal(identity.digest) == filesDigest
    }
}

extension AdapterCheckpoint {
    /// A SHA-256 over what is computed: names, scales, factors and whole weights.
    ///
    /// - Parameter pace: lets those who compute meanwhile go first.
    func fingerprint(pace: WorkPace? = nil) -> String {
        var hash = SHA256()
        forEachPiece(pace) { hash.update(bufferPointer: $0) }
        return ContentHash(hash.finalize()).hex
    }

    /// A checksum over the same. It finds a change by chance, in a tenth of the time, and none that somebody has made for it.
    func checksum(pace: WorkPace? = nil) -> UInt64 {
        var sum: UInt64 = 0
        forEachPiece(pace) { sum = ContentChecksum.of($0, seed: sum) }
        return sum
    }

    private func forEachPiece(_ pace: WorkPace?, _ body: (UnsafeRawBufferPointer) -> Void) {
        func add(_ text: String) { Array(text.utf8).withUnsafeBytes(body) }
        func add(_ bytes: UnsafeRawBufferPointer) {
            for start in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
                body(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + Self.pieceBytes, bytes.count)]))
                pace?.pause()
            }
        }
        add(format.rawValue)
        for factors in factors {
            add("\(factors.name) \(factors.rank) \(factors.scale.bitPattern)\n")
            for factor in [factors.a, factors.b] {
                add("\(factor.elementType.name) \(factor.count)\n")
                add(factor.bytes)
            }
        }
        for (weight, tensor) in saved.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            add("\(weight.rawValue) \(tensor.elementType.name) \(tensor.shape) \(tiesSaved)\n")
            add(bytes(of: tensor))
        }
    }

    /// What is hashed in a fraction of a millisecond.
    private static let pieceBytes = 256 << 10

    /// The files that decide what it is.
    var files: [String] {
        if format == .gguf { return [tensorPath] }
        return [tensorPath, (tensorPath as NSString).deletingLastPathComponent + "/adapter_config.json"]
    }
}
