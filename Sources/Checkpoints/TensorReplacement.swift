import Synchronization
package import Tensors

/// What stands in a checkpoint instead of a tensor of its files, or beside them: computed when it is first read.
package struct TensorReplacement: Sendable {
    /// Elements of the tensor, which must be encodable.
    package var elementType: ElementType
    package var shape: [Int]
    /// Writes the bytes, as many as the type and shape have.
    package var write: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    package init(
        elementType: ElementType,
        shape: [Int],
        write: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        self.elementType = elementType
        self.shape = shape
        self.write = write
    }

    /// The entry of a tensor that lies in no file.
    func entry(_ name: String) -> TensorEntry {
        guard let byteCount = TensorLayout.byteCount(elementType, shape: shape) else {
            preconditionFailure("TensorReplacement: \(elementType.name) elements cannot have the shape \(shape)")
        }
        return TensorEntry(
            name: name,
            elementType: elementType,
            shape: shape,
            byteCount: byteCount,
            fileIndex: -1,
            fileOffset: 0
        )
    }
}

/// The tensors of a checkpoint that are computed, each kept from when it is first read until `release`.
final class ReplacedTensors: Sendable {
    /// Unchecked: written once, before anybody else sees it.
    private final class Content: @unchecked Sendable {
        let bytes: UnsafeMutableRawBufferPointer

        init(byteCount: Int) { bytes = .allocate(byteCount: byteCount, alignment: 64) }

        deinit { bytes.deallocate() }
    }

    let replacements: [String: TensorReplacement]
    private let contents = Mutex<[String: Content]>([:])

    init(_ replacements: [String: TensorReplacement]) { self.replacements = replacements }

    /// The tensor's bytes, valid until it is released; nil for one of the files'.
    func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer? {
        guard let replacement = replacements[tensor.name] else { return nil }
        if let content = contents.withLock({ $0[tensor.name] }) { return UnsafeRawBufferPointer(content.bytes) }
        let made = Content(byteCount: tensor.byteCount)
        replacement.write(made.bytes)
        // Whoever came first is kept: others may hold its address.
        let kept = contents.withLock { contents in
            let kept = contents[tensor.name] ?? made
            contents[tensor.name] = kept
            return kept
        }
        return UnsafeRawBufferPointer(kept.bytes)
    }

    /// Gives the memory back; what is read afterwards is computed again.
    func release() { contents.withLock { $0 = [:] } }

    /// The same for one tensor, which nobody else may be reading.
    func release(_ tensor: TensorEntry) { contents.withLock { $0[tensor.name] = nil } }
}
