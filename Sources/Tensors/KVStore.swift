import CKernels

/// What the keys and values of one token take, over all layers.
package struct CacheShape: Sendable, Equatable {
    /// Decoder layers, each with a cache of its own.
    package var layerCount: Int
    /// Key and value heads of a layer.
    package var kvHeadCount: Int
    /// Elements of a key and of a value.
    package var headWidth: Int
    /// How they are kept: `.f16`, `.bf16`, `.f32`, or as whole numbers, `.i8` and `.i16`, with a scale per token and head.
    package var elementType: ElementType

    package init(layerCount: Int, kvHeadCount: Int, headWidth: Int, elementType: ElementType = .f16) {
        precondition(layerCount > 0 && kvHeadCount > 0 && headWidth > 0, "CacheShape: nothing to keep")
        precondition(Self.elementTypes.contains(elementType), "CacheShape: no cache of \(elementType.name)")
        self.layerCount = layerCount
        self.kvHeadCount = kvHeadCount
        self.headWidth = headWidth
        self.elementType = elementType
    }

    /// What a cache is made of unless somebody asks: 16-bit whole numbers where the set multiplies pairs of them in one
    /// instruction, which makes long prompts faster than f16, as many bytes and as exact; f16 elsewhere.
    package static func standardElementType(for set: InstructionSet) -> ElementType {
        switch set {
        case .avx2, .avx512, .avx512vnni: .i16
        case .portable, .neon: .f16
        }
    }

    /// What a cache can be made of.
    package static let elementTypes: [ElementType] = [.i16, .f16, .bf16, .f32, .i8]

    /// The name users know an element type by: `f16`, `int8`, …
    package static func name(of type: ElementType) -> String {
        switch type {
        case .i8: "int8"
        case .i16: "int16"
        default: type.name.lowercased()
        }
    }

    /// The layout in words: equal for two caches exactly when their blocks of as many tokens are alike.
    package var description: String {
        "\(elementType.name) \(layerCount) layers, \(kvHeadCount) heads of \(headWidth), keys by element"
    }

    /// Elements of a stored value: the head's width with zeros up to a multiple of 16.
    package var valueWidth: Int { (headWidth + 15) / 16 * 16 }

    /// Elements of a stored key: the head's width, rounded up to whole pairs where they are stored in pairs.
    private var keyWidth: Int { isPaired ? (headWidth + 1) / 2 * 2 : headWidth }

    /// Whether elements stand in pairs: of neighbouring elements of a key, of neighbouring tokens' values.
    private var isPaired: Bool { elementType == .i8 || elementType == .i16 }

    /// Bytes of one KV head's keys and values in a block, without what fills them up to cache lines.
    func headBytes(blockSize: Int) -> (keys: Int, values: Int) {
        let tokens = isPaired ? (blockSize + 1) / 2 * 2 : blockSize
        let keys = keyWidth * blockSize * elementType.blockBytes
        let values = valueWidth * tokens * elementType.blockBytes
        // Scales start on the next multiple of 4 bytes.
        let scales = scaleBytes * blockSize
        return ((keys + 3) / 4 * 4 + scales, (values + 3) / 4 * 4 + scales)
    }

    /// Bytes of one token over all layers, keys and values.
    package var bytesPerToken: Int {
        layerCount * kvHeadCount * ((keyWidth + valueWidth) * elementType.blockBytes + 2 * scaleBytes)
    }

    /// Bytes of the scale of one key or value: 0 where elements stand for themselves.
    var scaleBytes: Int { isPaired ? 4 : 0 }
}

/// The paged KV cache: for every layer an array of blocks, each with the keys and values of `blockSize` tokens.
///
/// Layout, outermost first: `[layer][block][kvHead]`, then K as `[headWidth, blockSize]` and V as
/// `[blockSize, valueWidth]`. As int8 and int16: K as `[headWidth / 2, blockSize, 2]` and V as `[blockSize / 2, valueWidth, 2]`, each
/// followed by `[blockSize]` scales in float32. So a block of one layer is one run of bytes, `block(_:layer:)`.
///
/// The memory of a layer is reserved at once and committed by the system page by page when it is first written: a cache
/// that is larger than what is used costs nothing. It belongs to the one thread that runs steps; the pool's threads
/// touch it only inside a region.
package final class KVStore {
    package let shape: CacheShape
    /// Blocks of every layer; ids run from 0.
    package let blockCount: Int
    /// Tokens of a block. Any number works; kernels are fast when it is a multiple of 32.
    package let blockSize: Int
    /// Bytes of one block in one layer.
    package let blockBytes: Int
    /// What attention needs besides the cache.
    let scratch = AttentionScratch()
    private let layers: [ReservedMemory]
    /// Blocks before this one were committed, or taken before any was.
    private var committedEnd = 0

    /// Reserves room for `blockCount` blocks of `blockSize` tokens.
    package init(_ shape: CacheShape, blockCount: Int, blockSize: Int = 32) {
        precondition(blockCount > 0 && blockSize > 0, "KVStore: \(blockCount) blocks of \(blockSize) tokens")
        self.shape = shape
        self.blockCount = blockCount
        self.blockSize = blockSize
        // A head starts on a cache line, so that no line is shared and wide loads do not straddle two.
        let headBytes = Self.headBytes(shape, blockSize: blockSize)
        blockBytes = shape.kvHeadCount * (headBytes.keys + headBytes.values)
        let layerBytes = blockBytes * blockCount
        // Layers grow alike. Were they to lie alike in their huge pages, all would want a new one in the same step, which
        // then takes tens of milliseconds longer; so they want theirs one after the other.
        let skew = HugePages.byteCount / shape.layerCount / 64 * 64
        layers = (0..<shape.layerCount).map { ReservedMemory(bytes: layerBytes, hugePageOffset: $0 * skew) }
    }

    /// The bytes of one block in one layer: all that has to be copied to move it elsewhere.
    package func block(_ index: Int, layer: Int) -> UnsafeMutableRawBufferPointer {
        precondition(index >= 0 && index < blockCount, "KVStore: block \(index) of \(blockCount)")
        return UnsafeMutableRawBufferPointer(start: layers[layer].start + index * blockBytes, count: blockBytes)
    }

    /// Commits the memory of the blocks from `index` on, which are to be taken next, as many as a step takes for a prompt.
    ///
    /// Blocks are taken in order. Where a step is the first to write them, one thread clears a huge page while the others wait:
    /// a young server would read prompts a fifth slower. Here all threads clear, some milliseconds at a time.
    package func commitAhead(_ index: Int, compute: Compute) {
        guard committedEnd < min(index + Self.blocksAhead, blockCount) else { return }
        let first = max(index, committedEnd)
        committedEnd = min(index + Self.blocksAhead + Self.blocksAtOnce, blockCount)
        let (offset, count) = (first * blockBytes, (committedEnd - first) * blockBytes)
        layers.withUnsafeBufferPointer { layers in
            let job = (layers: layers, offset: offset, count: count)
            compute.workers.run(taskCount: layers.count, job) { job, layer in
                job.pointee.layers[layer].commit(job.pointee.count, at: job.pointee.offset)
            }
        }
    }

    /// Those of 512 tokens.
    private static let blocksAhead = 16
    /// Further ones, so that decoding seldom comes here.
    private static let blocksAtOnce = 8

    /// Writes the keys and values of every row's new tokens, all KV heads.
    ///
    /// - Parameters:
    ///   - layer: which.
    ///   - rows: where the tokens belong.
    ///   - columns: `keys` and `values` as `[tokens, stride]`, of which the first kvHeads · headWidth are the heads.
    ///   - compute: what to run on.
    package func write(layer: Int, rows: [AttentionRow], _ columns: KeyValueColumns, compute: Compute) {
        write(layer: layer, rows: AttentionRows(rows), columns, compute: compute)
    }

    /// The same for rows that have their places.
    func write(layer: Int, rows: AttentionRows, _ columns: KeyValueColumns, compute: Compute) {
        let writer = CacheWriter(self, layer: layer, rows.placed, columns, set: compute.instructionSet.rawValue)
        compute.overRows(rows.tokenEnd, floatsPerRow: columns.stride, writer) { $0.pointee.run($1.rows) }
        withExtendedLifetime(rows) {}
    }

    /// How kernels find the blocks of a layer.
    func descriptor(layer: Int) -> ck_attention_cache {
        let headBytes = Self.headBytes(shape, blockSize: blockSize)
        return ck_attention_cache(
            layer: layers[layer].start.assumingMemoryBound(to: UInt8.self),
            block_bytes: blockBytes,
            head_bytes: headBytes.keys + headBytes.values,
            value_offset: headBytes.keys,
            element: Int32(shape.elementType.rawValue),
            block_size: Int32(blockSize),
            head_width: Int32(shape.headWidth),
            kv_head_count: Int32(shape.kvHeadCount)
        )
    }

    private static func headBytes(_ shape: CacheShape, blockSize: Int) -> (keys: Int, values: Int) {
        let line = 64
        let (keys, values) = shape.headBytes(blockSize: blockSize)
        return ((keys + line - 1) / line * line, (values + line - 1) / line * line)
    }
}

/// Keys and values of a step before they are in the cache, float32.
package struct KeyValueColumns {
    /// `[tokens, stride]`: the keys are the first floats of a row.
    package var keys: UnsafePointer<Float>
    /// The same for the values.
    package var values: UnsafePointer<Float>
    /// Floats from a token to the next, in both.
    package var stride: Int

    package init(keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int) {
        self.keys = keys
        self.values = values
        self.stride = stride
    }
}

/// Writes keys and values of some tokens into a layer of the cache, ready to run on any thread.
struct CacheWriter {
    private let cache: ck_attention_cache
    private let rows: UnsafeBufferPointer<PlacedRow>
    private let columns: KeyValueColumns
    private let set: Int32

    /// `rows` must outlive the writer.
    init(
        _ store: KVStore,
        layer: Int,
        _ rows: UnsafeBufferPointer<PlacedRow>,
        _ columns: KeyValueColumns,
        set: Int32
    ) {
        cache = store.descriptor(layer: layer)
        self.rows = rows
        self.columns = columns
        self.set = set
    }

    /// Writes the step's tokens of these indices, as far as they belong to a row.
    func run(_ tokens: Range<Int>) {
        for row in rows {
            let part = tokens.clamped(to: row.firstToken..<row.firstToken + row.tokenCount)
            if part.isEmpty { continue }
            let offset = part.lowerBound * columns.stride
            withUnsafePointer(to: cache) { cache in
                ck_cache_write(
                    set,
                    cache,
                    row.blockTable,
                    Int32(row.firstPosition + part.lowerBound - row.firstToken),
                    Int32(part.count),
                    columns.keys + offset,
                    columns.values + offset,
                    columns.stride
                )
            }
        }
    }
}
