import Tensors

/// Bounds on what a GGUF file may ask for. Real files stay far below all of them.
struct GGUFLimits {
    var metadataCount = 1 << 16
    var tensorCount = 1 << 18
    var keyBytes = 1 << 16
    var tensorNameBytes = 1 << 10
    var dimensionCount = 4
    var arrayDepth = 4
    /// Memory that all metadata may take once read.
    var decodedBytes = 512 << 20
    var alignment = 1 << 16
}

/// Reads the head of one GGUF file: its metadata and where its tensors lie.
///
/// Source: the GGUF specification, versions 2 and 3, which differ in nothing but the byte order that 3 allows.
struct GGUFReader {
    private(set) var version: UInt32 = 0
    private(set) var metadata: [String: GGUFValue] = [:]
    private(set) var tensors: [TensorEntry] = []
    /// Where every key with its value stands, in bytes from the start of the file.
    private(set) var metadataRanges: [(key: String, bytes: Range<Int>)] = []
    /// Where the tensor data begins, in bytes from the start of the file.
    private(set) var dataOffset = 0

    private var cursor: ByteCursor
    private let fileIndex: Int
    private let limits: GGUFLimits
    private var decodedBytes = 0

    /// Reads the head of `file`, which is number `fileIndex` of the checkpoint.
    init(_ file: MappedFile, fileIndex: Int = 0, limits: GGUFLimits = GGUFLimits()) throws(CheckpointError) {
        cursor = ByteCursor(file.bytes, file: file.path)
        self.fileIndex = fileIndex
        self.limits = limits
        try GitPointer.refuse(file)
        try readMagicAndVersion()
        let tensorCount = try count("the tensor count", limit: limits.tensorCount, minimumBytes: 8 + 4 + 4 + 8)
        let metadataCount = try count("the metadata count", limit: limits.metadataCount, minimumBytes: 8 + 4 + 1)
        for index in 0..<metadataCount { try readMetadata(index) }
        try readTensors(tensorCount)
        try TensorLayout.checkDisjoint(tensors, file: cursor.file)
    }

    private mutating func readMagicAndVersion() throws(CheckpointError) {
        let magic = try cursor.integer(UInt32.self, field: "the magic number")
        guard magic == 0x4655_4747 else {
            throw .notACheckpoint(path: cursor.file, reason: "it does not begin with \"GGUF\"")
        }
        version = try cursor.integer(UInt32.self, field: "the version")
        switch version {
        case 2, 3: return
        case 1:
            throw .unsupportedFormat(
                file: cursor.file,
                reason: "it is GGUF version 1, of 2023; convert it again to version 3"
            )
        case _ where (1...0xFFFF).contains(version.byteSwapped):
            throw .unsupportedFormat(
                file: cursor.file,
                reason: "it is a big-endian GGUF file; convert it to little-endian"
            )
        default:
            throw .unsupportedFormat(
                file: cursor.file,
                reason: "it is GGUF version \(version); versions 2 and 3 are read"
            )
        }
    }

    /// Reads a 64-bit count of things that take at least `minimumBytes` each.
    private mutating func count(
        _ field: @autoclosure () -> String,
        limit: Int?,
        minimumBytes: Int
    ) throws(CheckpointError) -> Int {
        let start = cursor.offset
        let value = try cursor.integer(UInt64.self, field: field())
        if let limit, value > UInt64(limit) {
            throw .tooLarge(file: cursor.file, field: field(), offset: start, value: value, limit: UInt64(limit))
        }
        let (needed, overflow) = value.multipliedReportingOverflow(by: UInt64(minimumBytes))
        guard !overflow, needed <= UInt64(cursor.remaining) else {
            throw .truncated(
                file: cursor.file,
                field: "what \(field()) (\(value)) announces",
                offset: start,
                needed: overflow ? .max : needed,
                available: cursor.remaining
            )
        }
        return Int(value)
    }

    private func damaged(_ field: String, at offset: Int, _ problem: String) -> CheckpointError {
        .damaged(file: cursor.file, field: field, offset: offset, problem: problem)
    }
}

// MARK: - Metadata

extension GGUFReader {
    private mutating func readMetadata(_ index: Int) throws(CheckpointError) {
        let start = cursor.offset
        let key = try cursor.name(limit: limits.keyBytes, field: "metadata key \(index)")
        let type = try valueType(of: key)
        let value = try readValue(type, key: key, depth: 0)
        guard metadata.updateValue(value, forKey: key) == nil else {
            throw damaged("metadata key \(index)", at: start, "is \(key), which was there before")
        }
        metadataRanges.append((key, start..<cursor.offset))
    }

    private mutating func valueType(of key: String) throws(CheckpointError) -> GGUFValueType {
        let start = cursor.offset
        let id = try cursor.integer(UInt32.self, field: "the type of \(key)")
        guard let type = GGUFValueType(rawValue: id) else {
            throw damaged("the type of \(key)", at: start, "is \(id); types are 0 to 12")
        }
        return type
    }

    private mutating func readValue(
        _ type: GGUFValueType,
        key: String,
        depth: Int
    ) throws(CheckpointError) -> GGUFValue {
        switch type {
        case .uint8: .uint8(try cursor.integer(field: key))
        case .int8: .int8(try cursor.integer(field: key))
        case .uint16: .uint16(try cursor.integer(field: key))
        case .int16: .int16(try cursor.integer(field: key))
        case .uint32: .uint32(try cursor.integer(field: key))
        case .int32: .int32(try cursor.integer(field: key))
        case .uint64: .uint64(try cursor.integer(field: key))
        case .int64: .int64(try cursor.integer(field: key))
        case .float32: .float32(Float(bitPattern: try cursor.integer(field: key)))
        case .float64: .float64(Double(bitPattern: try cursor.integer(field: key)))
        case .bool: .bool(try readBool(key))
        case .string: .string(try readString(key))
        case .array: try readArray(key, depth: depth + 1)
        }
    }

    private mutating func readBool(_ key: String) throws(CheckpointError) -> Bool {
        let start = cursor.offset
        let byte = try cursor.integer(UInt8.self, field: key)
        guard byte <= 1 else { throw damaged(key, at: start, "is \(byte); a truth value is 0 or 1") }
        return byte == 1
    }

    private mutating func readString(_ key: String) throws(CheckpointError) -> String {
        let start = cursor.offset
        let text = try cursor.string(field: key)
        try charge(cursor.offset - start, for: key, at: start)
        return text
    }

    private mutating func readArray(_ key: String, depth: Int) throws(CheckpointError) -> GGUFValue {
        let start = cursor.offset
        guard depth <= limits.arrayDepth else {
            throw damaged(key, at: start, "is nested deeper than \(limits.arrayDepth) arrays")
        }
        let type = try valueType(of: "the elements of \(key)")
        let count = try count("the length of \(key)", limit: nil, minimumBytes: type.minimumBytes)
        let (bytes, overflow) = count.multipliedReportingOverflow(by: type.decodedBytes)
        try charge(overflow ? .max : bytes, for: key, at: start)
        switch type {
        case .uint8: return .integers(try integers(UInt8.self, count, key))
        case .int8: return .integers(try integers(Int8.self, count, key))
        case .uint16: return .integers(try integers(UInt16.self, count, key))
        case .int16: return .integers(try integers(Int16.self, count, key))
        case .uint32: return .integers(try integers(UInt32.self, count, key))
        case .int32: return .integers(try integers(Int32.self, count, key))
        case .uint64: return .integers(try integers(UInt64.self, count, key))
        case .int64: return .integers(try integers(Int64.self, count, key))
        case .float32:
            return .floats(
                try elements(count) { (reader) throws(CheckpointError) in
                    Float(bitPattern: try reader.cursor.integer(field: key))
                }
            )
        case .float64:
            return .doubles(
                try elements(count) { (reader) throws(CheckpointError) in
                    Double(bitPattern: try reader.cursor.integer(field: key))
                }
            )
        case .bool:
            return .bools(try elements(count) { (reader) throws(CheckpointError) in try reader.readBool(key) })
        case .string:
            return .strings(try elements(count) { (reader) throws(CheckpointError) in try reader.readString(key) })
        case .array:
            return .arrays(
                try elements(count) { (reader) throws(CheckpointError) in
                    try reader.readArray(key, depth: depth + 1)
                }
            )
        }
    }

    private mutating func elements<Element>(
        _ count: Int,
        _ read: (inout GGUFReader) throws(CheckpointError) -> Element
    ) throws(CheckpointError) -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(count)  // no more than the file's bytes, and charged before
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    private mutating func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type,
        _ count: Int,
        _ key: String
    ) throws(CheckpointError) -> [Int64] {
        try elements(count) { (reader) throws(CheckpointError) in
            let start = reader.cursor.offset
            let value = try reader.cursor.integer(type, field: key)
            guard let wide = Int64(exactly: value) else {
                throw reader.damaged(key, at: start, "holds \(value), which does not fit 63 bits")
            }
            return wide
        }
    }

    /// Notes that the metadata read so far takes `bytes` more of memory.
    private mutating func charge(_ bytes: Int, for key: String, at offset: Int) throws(CheckpointError) {
        let (sum, overflow) = decodedBytes.addingReportingOverflow(bytes)
        guard !overflow, sum <= limits.decodedBytes else {
            throw .tooLarge(
                file: cursor.file,
                field: "the size of the metadata up to \(key)",
                offset: offset,
                value: overflow ? .max : UInt64(sum),
                limit: UInt64(limits.decodedBytes)
            )
        }
        decodedBytes = sum
    }
}

// MARK: - Tensors

extension GGUFReader {
    /// A tensor as the file describes it, before the place of the data is known.
    private struct Description {
        var name: String
        var elementType: ElementType
        var shape: [Int]
        var byteCount: Int
        /// Offset from the start of the tensor data, and where the file says so.
        var dataOffset: UInt64
        var offsetField: Int
    }

    private mutating func readTensors(_ count: Int) throws(CheckpointError) {
        var descriptions: [Description] = []
        descriptions.reserveCapacity(count)
        for index in 0..<count { descriptions.append(try readDescription(index)) }
        let alignment = try alignment()
        dataOffset = (cursor.offset + alignment - 1) / alignment * alignment
        tensors.reserveCapacity(count)
        for description in descriptions { tensors.append(try entry(description, alignment: alignment)) }
    }

    private mutating func readDescription(_ index: Int) throws(CheckpointError) -> Description {
        let name = try cursor.name(limit: limits.tensorNameBytes, field: "the name of tensor \(index)")
        let shape = try readShape(name)
        let typeOffset = cursor.offset
        let typeID = try cursor.integer(UInt32.self, field: "the element type of tensor \(name)")
        guard let elementType = ElementType(rawValue: typeID) else {
            throw .unsupportedElementType(
                file: cursor.file,
                tensor: name,
                type: Self.typeName(typeID),
                offset: typeOffset
            )
        }
        guard let byteCount = TensorLayout.byteCount(elementType, shape: shape) else {
            throw damaged(
                "the shape of tensor \(name)",
                at: typeOffset,
                "is \(shape), which \(elementType.name) elements cannot have"
            )
        }
        let offsetField = cursor.offset
        let dataOffset = try cursor.integer(UInt64.self, field: "the data offset of tensor \(name)")
        return Description(
            name: name,
            elementType: elementType,
            shape: shape,
            byteCount: byteCount,
            dataOffset: dataOffset,
            offsetField: offsetField
        )
    }

    /// The axis lengths, which the file lists innermost first.
    private mutating func readShape(_ name: String) throws(CheckpointError) -> [Int] {
        let start = cursor.offset
        let count = try cursor.integer(UInt32.self, field: "the dimension count of tensor \(name)")
        guard count <= UInt32(limits.dimensionCount) else {
            throw .tooLarge(
                file: cursor.file,
                field: "the dimension count of tensor \(name)",
                offset: start,
                value: UInt64(count),
                limit: UInt64(limits.dimensionCount)
            )
        }
        var shape: [Int] = []
        for axis in 0..<count {
            let at = cursor.offset
            let length = try cursor.integer(UInt64.self, field: "dimension \(axis) of tensor \(name)")
            guard let length = Int(exactly: length) else {
                throw damaged("dimension \(axis) of tensor \(name)", at: at, "is \(length)")
            }
            shape.append(length)
        }
        return shape.reversed()
    }

    private func alignment() throws(CheckpointError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard let alignment = value.intValue, alignment >= 8, alignment <= limits.alignment,
            alignment & (alignment - 1) == 0
        else {
            throw .invalidValue(
                file: cursor.file,
                key: "general.alignment",
                problem: "must be a power of two from 8 to \(limits.alignment)"
            )
        }
        return alignment
    }

    private func entry(_ tensor: Description, alignment: Int) throws(CheckpointError) -> TensorEntry {
        let field = "the data offset of tensor \(tensor.name)"
        guard tensor.dataOffset % UInt64(alignment) == 0 else {
            throw damaged(field, at: tensor.offsetField, "is \(tensor.dataOffset), no multiple of \(alignment)")
        }
        let available = max(0, cursor.bytes.count - dataOffset)
        let (end, overflow) = tensor.dataOffset.addingReportingOverflow(UInt64(tensor.byteCount))
        guard !overflow, end <= UInt64(available) else {
            throw .truncated(
                file: cursor.file,
                field: "the data of tensor \(tensor.name)",
                offset: tensor.offsetField,
                needed: overflow ? .max : end,
                available: available
            )
        }
        return TensorEntry(
            name: tensor.name,
            elementType: tensor.elementType,
            shape: tensor.shape,
            byteCount: tensor.byteCount,
            fileIndex: fileIndex,
            fileOffset: dataOffset + Int(tensor.dataOffset)
        )
    }

    /// The names of element types that exist but are not read, for messages.
    private static func typeName(_ id: UInt32) -> String {
        let names: [UInt32: String] = [
            9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S",
            22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 40: "NVFP4", 41: "Q1_0",
        ]
        return names[id].map { "\($0) (\(id))" } ?? "number \(id)"
    }
}
