import JSON
import Tensors

/// One safetensors file: a JSON header that says where the tensors lie, then their bytes.
///
/// Source: the format description of the `safetensors` library, whose stricter rules are kept: tensors follow one
/// another without holes and fill the file to its end. Data may start at any byte, so read it unaligned.
package final class SafetensorsFile: Sendable {
    package var path: String { file.path }
    /// Whether the file still has its path.
    var isInPlace: Bool { file.isInPlace }
    /// The strings under `__metadata__`.
    package let metadata: [String: String]
    /// The tensors in the order of their data.
    package let tensors: [TensorEntry]
    package var fileBytes: Int { file.count }

    private let file: MappedFile

    /// Opens the file at `path`; its tensors get `fileIndex` as their file's number.
    ///
    /// - Parameter copying: how it is copied into memory; nil for a file that is mapped.
    package init(path: String, fileIndex: Int = 0, copying: FileCopying? = nil) throws(CheckpointError) {
        file = try MappedFile(path: path, copying: copying)
        let header = try SafetensorsHeader(file, fileIndex: fileIndex)
        metadata = header.metadata
        tensors = header.tensors
    }

    /// Lets go of the memory that reading tensors has filled.
    package func releasePages() { file.releasePages() }

    /// The bytes of a tensor of this file, in memory as long as this object lives.
    package func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer { file.bytes(of: tensor) }
}

/// Reads and checks the header of a safetensors file.
private struct SafetensorsHeader {
    /// Bytes that a header may have; real ones stay below one tenth of it.
    private static let maximumBytes: UInt64 = 32 << 20
    private static let maximumDimensionCount = 8

    private(set) var metadata: [String: String] = [:]
    private(set) var tensors: [TensorEntry] = []

    private let path: String
    private let fileIndex: Int
    private let text: UnsafeRawBufferPointer
    /// Where the header's text and the tensor data begin, in bytes from the start of the file.
    private let textOffset = 8
    private var dataOffset: Int { textOffset + text.count }
    private let dataBytes: Int

    init(_ file: MappedFile, fileIndex: Int) throws(CheckpointError) {
        var cursor = ByteCursor(file.bytes, file: file.path)
        try GitPointer.refuse(file)
        let length = try cursor.integer(UInt64.self, field: "the header's length")
        guard length <= Self.maximumBytes else {
            throw .tooLarge(
                file: file.path,
                field: "the header's length",
                offset: 0,
                value: length,
                limit: Self.maximumBytes
            )
        }
        text = try cursor.take(length, field: "the header")
        path = file.path
        self.fileIndex = fileIndex
        dataBytes = cursor.remaining
        for (key, value) in try parse() {
            if key == "__metadata__" {
                metadata = try strings(value)
            } else {
                tensors.append(try entry(key, value))
            }
        }
        try TensorLayout.checkDisjoint(tensors, file: path)
        try checkThatDataAreFilled()
    }

    private func parse() throws(CheckpointError) -> JSONObject {
        guard text.first == UInt8(ascii: "{") else {
            throw .damaged(file: path, field: "the header", offset: textOffset, problem: "does not begin with '{'")
        }
        do {
            let limits = JSONLimits(maximumDepth: 4, maximumBytes: text.count, duplicateKeys: .reject)
            let value = try JSONValue(parsing: text, limits: limits)
            return value.objectValue ?? JSONObject()  // it begins with a brace
        } catch {
            throw .invalidJSON(file: path, error)
        }
    }

    private func strings(_ value: JSONValue) throws(CheckpointError) -> [String: String] {
        var strings: [String: String] = [:]
        for (key, value) in try object(value, "__metadata__") {
            guard let string = value.stringValue else { throw damaged("__metadata__", "holds more than strings") }
            strings[key] = string
        }
        return strings
    }

    private func entry(_ name: String, _ value: JSONValue) throws(CheckpointError) -> TensorEntry {
        let object = try object(value, name)
        let elementType = try elementType(name, object)
        let shape = try numbers(name, object, "shape")
        let offsets = try numbers(name, object, "data_offsets")
        guard shape.count <= Self.maximumDimensionCount else {
            throw damaged(name, "has \(shape.count) dimensions; the limit is \(Self.maximumDimensionCount)")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw damaged(name, "must have two data_offsets, the first not above the second")
        }
        guard let byteCount = TensorLayout.byteCount(elementType, shape: shape) else {
            throw damaged(name, "has the shape \(shape), whose size no file can have")
        }
        guard offsets[1] - offsets[0] == byteCount else {
            throw damaged(
                name,
                "has data_offsets \(offsets), but \(shape) of \(elementType.name) are \(byteCount) bytes"
            )
        }
        guard offsets[1] <= dataBytes else {
            throw .truncated(
                file: path,
                field: "the data of tensor \(name)",
                offset: dataOffset + min(offsets[0], dataBytes),
                needed: UInt64(byteCount),
                available: max(0, dataBytes - offsets[0])
            )
        }
        return TensorEntry(
            name: name,
            elementType: elementType,
            shape: shape,
            byteCount: byteCount,
            fileIndex: fileIndex,
            fileOffset: dataOffset + offsets[0]
        )
    }

    private func elementType(_ name: String, _ object: JSONObject) throws(CheckpointError) -> ElementType {
        guard let type = object["dtype"]?.stringValue else { throw damaged(name, "has no dtype") }
        switch type {
        case "F64": return .f64
        case "F32": return .f32
        case "F16": return .f16
        case "BF16": return .bf16
        case "I64": return .i64
        case "I32": return .i32
        case "I16": return .i16
        case "I8": return .i8
        default:
            throw .unsupportedElementType(file: path, tensor: name, type: type, offset: offset(of: name))
        }
    }

    private func numbers(
        _ name: String,
        _ object: JSONObject,
        _ key: String
    ) throws(CheckpointError) -> [Int] {
        guard let values = object[key]?.arrayValue else { throw damaged(name, "has no list \(key)") }
        var numbers: [Int] = []
        for value in values {
            guard let number = value.integerValue, number >= 0 else {
                throw damaged(name, "has something other than whole numbers of 0 or more in \(key)")
            }
            numbers.append(number)
        }
        return numbers
    }

    private func object(_ value: JSONValue, _ name: String) throws(CheckpointError) -> JSONObject {
        guard let object = value.objectValue else { throw damaged(name, "must be an object") }
        return object
    }

    /// Sorts the tensors by their data and throws when there is a hole between two or after the last.
    private mutating func checkThatDataAreFilled() throws(CheckpointError) {
        tensors.sort { ($0.fileOffset, $0.byteCount) < ($1.fileOffset, $1.byteCount) }
        var end = dataOffset
        for tensor in tensors {
            guard tensor.fileOffset == end else {
                throw .damaged(
                    file: path,
                    field: "the data of tensor \(tensor.name)",
                    offset: tensor.fileOffset,
                    problem: "should begin at byte \(end), where the data before it end"
                )
            }
            end += tensor.byteCount
        }
        guard end == dataOffset + dataBytes else {
            throw .damaged(
                file: path,
                field: "the data after the last tensor",
                offset: end,
                problem: "has \(dataOffset + dataBytes - end) bytes that belong to no tensor"
            )
        }
    }

    private func damaged(_ name: String, _ problem: String) -> CheckpointError {
        .damaged(file: path, field: name, offset: offset(of: name), problem: problem)
    }

    /// Where the header speaks of `name`. Searched only for errors; for a name written with escapes, the header's start.
    private func offset(of name: String) -> Int {
        let needle = Array("\"\(name)\"".utf8)
        guard text.count >= needle.count else { return textOffset }
        for start in 0...(text.count - needle.count)
        where text[start] == needle[0] && text[start..<(start + needle.count)].elementsEqual(needle) {
            return textOffset + start
        }
        return textOffset
    }
}

/// The small text file that Git leaves in place of a large one that was not fetched.
enum GitPointer {
    /// Throws when `file` is such a text.
    static func refuse(_ file: MappedFile) throws(CheckpointError) {
        guard file.bytes.starts(with: "version https://git-lfs".utf8) else { return }
        throw .notACheckpoint(
            path: file.path,
            reason: "it is a Git LFS pointer, not the file itself; fetch it with git lfs pull"
        )
    }
}
