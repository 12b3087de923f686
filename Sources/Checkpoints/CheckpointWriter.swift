import Foundation
import JSON
import Tensors

/// Writes a checkpoint with tensors of its own as a new one, in the format of the files that it came from.
package struct CheckpointWriter {
    private let checkpoint: Checkpoint

    package init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

    /// Writes a GGUF file, or a folder, that must not be there yet. It is there whole or not at all, also where the task is
    /// cancelled meanwhile.
    package func write(to path: String) throws(CheckpointError) {
        // Nothing stands behind a folder's name, where shells put a slash.
        var path = path
        while path.hasSuffix("/"), path.count > 1 { path.removeLast() }
        if FileManager.default.fileExists(atPath: path) {
            throw .unwritable(path: path, reason: "there is something already; name a new one, or remove it first")
        }
        let partial = "\(path).\(UUID().uuidString.prefix(8)).partial"
        defer { try? FileManager.default.removeItem(atPath: partial) }
        do {
            switch checkpoint.format {
            case .gguf: try writeFile(to: partial)
            case .safetensors: try writeFolder(to: partial)
            }
        } catch .unwritable(_, let reason) {
            throw .unwritable(path: path, reason: reason)
        }
        do {
            try FileManager.default.moveItem(atPath: partial, toPath: path)
        } catch {
            throw .unwritable(path: path, reason: error.localizedDescription)
        }
    }

    private static func checkCancellation(_ path: String) throws(CheckpointError) {
        if Task.isCancelled { throw .unwritable(path: path, reason: "it was interrupted") }
    }

    // MARK: GGUF

    /// The settings as they stand in the base's first file, without those of a split, then the tensors.
    private func writeFile(to path: String) throws(CheckpointError) {
        guard let source = checkpoint.gguf?.paths.first else {
            preconditionFailure("CheckpointWriter: a GGUF checkpoint without a file")
        }
        let file = try MappedFile(path: source)
        let reader = try GGUFReader(file)
        let settings = reader.metadataRanges.filter { !$0.key.hasPrefix("split.") }
        let alignment = reader.metadata["general.alignment"]?.intValue ?? 32
        var head = ByteWriter()
        head.bytes += Array("GGUF".utf8)
        head.integer(UInt32(3))
        head.integer(UInt64(checkpoint.tensors.count))
        head.integer(UInt64(settings.count))
        for setting in settings { head.bytes += file.bytes[setting.bytes] }
        var offset = 0
        for tensor in checkpoint.tensors {
            head.integer(UInt64(tensor.name.utf8.count))
            head.bytes += Array(tensor.name.utf8)
            head.integer(UInt32(tensor.shape.count))
            for length in tensor.shape.reversed() { head.integer(UInt64(length)) }
            head.integer(tensor.elementType.rawValue)
            head.integer(UInt64(offset))
            offset += tensor.byteCount.aligned(to: alignment)
        }
        head.bytes += [UInt8](repeating: 0, count: head.bytes.count.aligned(to: alignment) - head.bytes.count)
        let output = try OutputFile(path: path)
        try output.write(head.bytes)
        for tensor in checkpoint.tensors {
            try Self.checkCancellation(path)
            try output.write(checkpoint.bytes(of: tensor))
            try output.write([UInt8](repeating: 0, count: tensor.byteCount.aligned(to: alignment) - tensor.byteCount))
            checkpoint.releasePages()
        }
        try output.finish()
    }

    // MARK: Folders

    /// All tensors in one file beside copies of what else is in the base's folder.
    private func writeFolder(to path: String) throws(CheckpointError) {
        guard let source = checkpoint.folder?.path else {
            preconditionFailure("CheckpointWriter: a folder's checkpoint without a folder")
        }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            for name in try FileManager.default.contentsOfDirectory(atPath: source) where Self.isCopied(name) {
                let original = URL(fileURLWithPath: "\(source)/\(name)").resolvingSymlinksInPath().path
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: original, isDirectory: &isFolder), !isFolder.boolValue
                else { continue }
                try FileManager.default.copyItem(atPath: original, toPath: "\(path)/\(name)")
            }
        } catch {
            throw .unwritable(path: path, reason: error.localizedDescription)
        }
        var (header, offset): (JSONObject, Int) = (["__metadata__": ["format": "pt"]], 0)
        for tensor in checkpoint.tensors {
            header[tensor.name] = [
                "dtype": .string(tensor.elementType.safetensorsName),
                "shape": .array(tensor.shape.map { .integer(Int64($0)) }),
                "data_offsets": [.integer(Int64(offset)), .integer(Int64(offset + tensor.byteCount))],
            ]
            offset += tensor.byteCount
        }
        var text = Array(JSONValue.object(header).serialized().utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: text.count.aligned(to: 8) - text.count)
        var head = ByteWriter()
        head.integer(UInt64(text.count))
        let output = try OutputFile(path: path + "/model.safetensors")
        try output.write(head.bytes + text)
        for tensor in checkpoint.tensors {
            try Self.checkCancellation(path)
            try output.write(checkpoint.bytes(of: tensor))
            checkpoint.releasePages()
        }
        try output.finish()
    }

    /// Everything but weights and what tells where they are.
    private static func isCopied(_ name: String) -> Bool {
        if name.hasPrefix(".") { return false }
        let weights = [".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".gguf"]
        return !weights.contains { name.hasSuffix($0) }
    }
}

extension ElementType {
    /// What safetensors files call it; those have no block types.
    fileprivate var safetensorsName: String {
        switch self {
        case .i8, .i16, .i32, .i64, .f16, .f32, .f64, .bf16: name
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .mxfp4:
            preconditionFailure("CheckpointWriter: \(name) in a folder")
        }
    }
}

extension Int {
    /// The next multiple of `alignment`.
    fileprivate func aligned(to alignment: Int) -> Int { (self + alignment - 1) / alignment * alignment }
}

/// Little-endian numbers one after the other.
private struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) }
    }
}

/// A new file that is written from its beginning.
private final class OutputFile {
    private let path: String
    private let descriptor: Int32

    init(path: String) throws(CheckpointError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws(CheckpointError) {
        let code = bytes.withUnsafeBytes { append($0) }
        if code != 0 { throw .unwritable(path: path, reason: String(cString: strerror(code))) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        let code = append(bytes)
        if code != 0 { throw .unwritable(path: path, reason: String(cString: strerror(code))) }
    }

    /// Brings it to the disk.
    func finish() throws(CheckpointError) {
        if fsync(descriptor) != 0 { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
    }

    /// The system's error, or 0.
    private func append(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let written = Foundation.write(descriptor, start, rest.count)
            if written < 0, errno == EINTR { continue }
            if written <= 0 { return written < 0 ? errno : EIO }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
        return 0
    }
}
