package import Tensors

/// Where one tensor of a checkpoint lies and how its bytes are to be read.
package struct TensorEntry: Sendable, Equatable {
    /// The name as the file has it.
    package let name: String
    package let elementType: ElementType
    /// Axis lengths, outermost first: a projection is `[outputs, inputs]`. Elements along the last axis are adjacent,
    /// and quantised blocks lie along it. Empty for a single number.
    package let shape: [Int]
    /// Bytes of the data in its file; the element count is always whole blocks.
    package let byteCount: Int
    /// Which of the checkpoint's files holds the data.
    package let fileIndex: Int
    /// Offset of the data from the start of that file, in bytes.
    package let fileOffset: Int

    /// Elements of the tensor; its product was checked for overflow when the file was opened.
    package var elementCount: Int { shape.reduce(1, *) }
}

/// Checks that hold for the tensors of one file in either format.
enum TensorLayout {
    /// The size in bytes of `shape`, or nil when its last axis is not whole blocks or the product of some of its axes
    /// overflows, which one of length 0 beside them would hide.
    static func byteCount(_ elementType: ElementType, shape: [Int]) -> Int? {
        guard var total = elementType.bytes(forElementCount: shape.last ?? 1) else { return nil }
        var extent = max(shape.last ?? 1, total, 1)
        for length in shape.dropLast() {
            let (product, overflow) = extent.multipliedReportingOverflow(by: max(length, 1))
            if overflow || length < 0 { return nil }
            (total, extent) = (total * length, product)
        }
        return total
    }

    /// Throws when two tensors share a byte or a name. Both would mean that one of them reads the other's numbers.
    static func checkDisjoint(_ tensors: [TensorEntry], file: String) throws(CheckpointError) {
        var names = Set<String>(minimumCapacity: tensors.count)
        for tensor in tensors where !names.insert(tensor.name).inserted {
            throw .duplicateTensor(name: tensor.name, file: file, otherFile: file)
        }
        let ordered = tensors.filter { $0.byteCount > 0 }.sorted { $0.fileOffset < $1.fileOffset }
        for (tensor, next) in zip(ordered, ordered.dropFirst())
        where tensor.fileOffset + tensor.byteCount > next.fileOffset {
            throw .damaged(
                file: file,
                field: "the data of tensor \(next.name)",
                offset: next.fileOffset,
                problem: "overlaps the data of tensor \(tensor.name)"
            )
        }
    }
}
