/// A GGUF checkpoint: metadata and tensors of one file, or of all the parts of a split one.
///
/// Opening reads the head and maps the rest; the data of a tensor is read from disk when it is first touched.
package final class GGUFFile: Sendable {
    /// The format's version, 2 or 3.
    package let version: UInt32
    /// All metadata by its full key, such as `general.architecture`. Of a split checkpoint, the first part's.
    package let metadata: [String: GGUFValue]
    /// The tensors in the order of the file, part after part.
    package let tensors: [TensorEntry]
    /// Path of the file, or of the first part.
    package var path: String { files[0].path }
    /// Bytes of all files together.
    package var fileBytes: Int { files.reduce(0) { $0 + $1.count } }

    private let files: [MappedFile]

    /// Opens the GGUF file at `path`. For any part of a split checkpoint all its parts are opened, which must stand
    /// beside it as `name-00001-of-00003.gguf` and so on.
    ///
    /// - Throws: `CheckpointError` for anything in the file that cannot be right. What was opened is safe to read.
    package init(path: String) throws(CheckpointError) {
        let file = try MappedFile(path: path)
        let reader = try GGUFReader(file)
        guard let split = try GGUFSplit(reader.metadata, path: path) else {
            version = reader.version
            metadata = reader.metadata
            tensors = reader.tensors
            files = [file]
            return
        }
        let parts = try split.openParts()
        version = parts.version
        metadata = parts.metadata
        tensors = parts.tensors
        files = parts.files
    }

    /// Copies the GGUF file at `path` into memory, which is whole in one file.
    ///
    /// - Parameter copying: how.
    init(path: String, copying: FileCopying) throws(CheckpointError) {
        let file = try MappedFile(path: path, copying: copying)
        let reader = try GGUFReader(file)
        version = reader.version
        metadata = reader.metadata
        tensors = reader.tensors
        files = [file]
    }

    /// Paths of all files, the first part's first.
    package var paths: [String] { files.map(\.path) }

    /// Whether all files still have their paths.
    var isInPlace: Bool { files.allSatisfy(\.isInPlace) }

    /// Lets go of the memory that reading tensors has filled.
    package func releasePages() { for file in files { file.releasePages() } }

    /// The bytes of a tensor of this file, in memory as long as the file object lives.
    package func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer {
        precondition(files.indices.contains(tensor.fileIndex), "tensor \(tensor.name) is of another checkpoint")
        return files[tensor.fileIndex].bytes(of: tensor)
    }
}

extension MappedFile {
    /// The part of the file that holds the data of `tensor`.
    func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer {
        precondition(
            tensor.fileOffset >= 0 && tensor.fileOffset <= count && tensor.byteCount <= count - tensor.fileOffset,
            "tensor \(tensor.name) is of another checkpoint"
        )
        return UnsafeRawBufferPointer(rebasing: bytes[tensor.fileOffset..<(tensor.fileOffset + tensor.byteCount)])
    }
}
