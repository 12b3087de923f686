/// The parts of a GGUF checkpoint that was split into several files.
///
/// Every part's metadata has `split.no` (from 0), `split.count` and `split.tensors.count`; the model's own metadata is
/// in the first. Parts are named `name-00001-of-00003.gguf`.
struct GGUFSplit {
    private let partCount: Int
    private let tensorCount: Int?
    /// The path up to the number.
    private let stem: String

    /// What was gathered from all parts.
    struct Parts {
        var version: UInt32 = 0
        var metadata: [String: GGUFValue] = [:]
        var tensors: [TensorEntry] = []
        var files: [MappedFile] = []
    }

    /// Nil when the metadata are not of a split checkpoint.
    init?(_ metadata: [String: GGUFValue], path: String) throws(CheckpointError) {
        guard let count = metadata["split.count"] else { return nil }
        guard let count = count.intValue, (0...9999).contains(count) else {
            throw .invalidValue(file: path, key: "split.count", problem: "must be from 0 to 9999")
        }
        guard count > 1 else { return nil }
        guard let number = metadata["split.no"]?.intValue, (0..<count).contains(number) else {
            throw .invalidValue(file: path, key: "split.no", problem: "must be from 0 to \(count - 1)")
        }
        let ending = Self.ending(part: number, of: count)
        guard path.hasSuffix(ending) else {
            throw .invalidValue(
                file: path,
                key: "split.no",
                problem: "says that this is part \(number + 1) of \(count), whose name must end in \(ending)"
            )
        }
        partCount = count
        tensorCount = metadata["split.tensors.count"]?.intValue
        stem = String(path.dropLast(ending.count))
    }

    /// Opens every part and checks that together they are the whole.
    func openParts() throws(CheckpointError) -> Parts {
        var parts = Parts()
        var fileOfTensor: [String: Int] = [:]
        for number in 0..<partCount {
            let reader = try openPart(number, into: &parts)
            for tensor in reader.tensors {
                if let other = fileOfTensor.updateValue(number, forKey: tensor.name) {
                    throw .duplicateTensor(
                        name: tensor.name,
                        file: parts.files[other].path,
                        otherFile: parts.files[number].path
                    )
                }
            }
            parts.tensors += reader.tensors
        }
        if let tensorCount, tensorCount != parts.tensors.count {
            throw .invalidValue(
                file: parts.files[0].path,
                key: "split.tensors.count",
                problem: "is \(tensorCount), but the \(partCount) parts hold \(parts.tensors.count) tensors"
            )
        }
        return parts
    }

    private func openPart(_ number: Int, into parts: inout Parts) throws(CheckpointError) -> GGUFReader {
        let path = stem + Self.ending(part: number, of: partCount)
        let file = try open(path)
        let reader = try GGUFReader(file, fileIndex: number)
        guard reader.metadata["split.no"]?.intValue == number,
            reader.metadata["split.count"]?.intValue == partCount
        else {
            throw .invalidValue(
                file: path,
                key: "split.no",
                problem: "must say that this is part \(number + 1) of \(partCount)"
            )
        }
        if number == 0 {
            parts.version = reader.version
            parts.metadata = reader.metadata
        }
        parts.files.append(file)
        return reader
    }

    private func open(_ path: String) throws(CheckpointError) -> MappedFile {
        do {
            return try MappedFile(path: path)
        } catch .notFound {
            throw .missingFile(
                path: path,
                reason: "the model is split into \(partCount) files, and this is one of them"
            )
        }
    }

    private static func ending(part number: Int, of count: Int) -> String {
        "-\(padded(number + 1))-of-\(padded(count)).gguf"
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
