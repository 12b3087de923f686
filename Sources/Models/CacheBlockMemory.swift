/// Where the bytes of a model's cache blocks lie, so that whole blocks can be kept elsewhere and brought back.
///
/// Says nothing of what the bytes mean. May be used from any thread; the caller sees to it that nobody writes a block
/// while it is read here, and that nobody else touches it while it is written.
///
/// `@unchecked Sendable`: the value is constant, and the memory behind it is shared under the rule above.
package struct CacheBlockMemory: @unchecked Sendable {
    /// Bytes of one block, all runs together.
    package let blockBytes: Int
    private let runs: @Sendable (BlockID) -> [UnsafeMutableRawBufferPointer]

    /// - Parameters:
    ///   - blockBytes: bytes of one block, all runs together.
    ///   - runs: the runs of bytes that make up a block, always as many, as long and in the same order. Keeps the
    ///     memory alive.
    package init(blockBytes: Int, runs: @escaping @Sendable (BlockID) -> [UnsafeMutableRawBufferPointer]) {
        self.blockBytes = blockBytes
        self.runs = runs
    }

    /// The runs of bytes that make up `block`.
    package func runs(of block: BlockID) -> [UnsafeMutableRawBufferPointer] { runs(block) }
}
