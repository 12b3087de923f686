package import Models
package import Tokenization

/// A model whose logits follow from the tokens before them by a script: for tests in which words, not weights, matter.
///
/// Its KV cache is a table of tokens by block and offset. What a row yields is worked out from the tokens *read back
/// through the row's block table*, so an engine that mixes up blocks, positions or chunks gets other tokens, as it
/// would with a real model.
package final class ScriptedModel: LanguageModel {
    package let traits: ModelTraits
    /// What the engine did wrong, in words.
    package private(set) var violations: [String] = []
    /// Tokens of every step so far.
    package private(set) var stepTokenCounts: [Int] = []

    private let script: ([TokenID], UnsafeMutableBufferPointer<Float>) -> Void
    private var blockSize = 0
    /// `[blocks × blockSize]`: the tokens written; -1 where nothing was.
    private var cache = TokenTable(capacity: 0)
    private var logits: UnsafeMutableBufferPointer<Float> = .allocate(capacity: 0)

    /// - Parameter script: overwrites `[vocabulary]` logits for the token after the given ones, positions 0 to last.
    package init(
        vocabularySize: Int,
        contextLength: Int,
        script: @escaping ([TokenID], UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        self.script = script
        traits = ModelTraits(
            architecture: "scripted",
            vocabularySize: vocabularySize,
            contextLength: contextLength,
            cacheBytesPerToken: 4,
            parameterCount: 0
        )
    }

    /// A model whose logits are spread over -4 to 4 by a hash of all tokens before.
    package convenience init(vocabularySize: Int, contextLength: Int) {
        self.init(vocabularySize: vocabularySize, contextLength: contextLength, script: Self.hashed)
    }

    deinit { logits.deallocate() }

    package func allocateCache(blockCount: Int, blockSize: Int) {
        self.blockSize = blockSize
        cache = TokenTable(capacity: blockCount * blockSize)
    }

    /// A block is one run of tokens.
    package var cacheBlocks: CacheBlockMemory? {
        CacheBlockMemory(blockBytes: blockSize * 4) { [cache, blockSize] block in
            let tokens = cache.tokens[Int(block.rawValue) * blockSize..<(Int(block.rawValue) + 1) * blockSize]
            return [UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: tokens))]
        }
    }

    package func forward(_ batch: ForwardBatch) -> Logits {
        stepTokenCounts.append(batch.tokens.count)
        checkWriters(batch)
        let needed = batch.logitRowCount * traits.vocabularySize
        if logits.count < needed {
            logits.deallocate()
            logits = .allocate(capacity: needed)
        }
        let result = Logits(
            rowCount: batch.logitRowCount,
            vocabularySize: traits.vocabularySize,
            storage: logits.baseAddress!
        )
        var tokenIndex = 0
        var logitIndex = 0
        for row in batch.rows {
            write(Array(batch.tokens[tokenIndex..<tokenIndex + row.tokenCount]), row)
            tokenIndex += row.tokenCount
            for offset in (row.tokenCount - row.logitCount)..<row.tokenCount {
                script(read(row, through: row.firstPosition + offset), result.row(logitIndex))
                logitIndex += 1
            }
        }
        return result
    }

    private func slot(_ row: ForwardRow, _ position: Int) -> Int {
        Int(row.blockTable[position / blockSize].rawValue) * blockSize + position % blockSize
    }

    private func write(_ tokens: [TokenID], _ row: ForwardRow) {
        let end = row.firstPosition + row.tokenCount
        if row.blockTable.count != (end + blockSize - 1) / blockSize {
            violations.append("a table of \(row.blockTable.count) blocks for \(end) tokens")
        }
        for (offset, token) in tokens.enumerated() {
            cache.tokens[slot(row, row.firstPosition + offset)] = token.rawValue
        }
    }

    private func read(_ row: ForwardRow, through last: Int) -> [TokenID] {
        (0...last).map { position in
            let token = cache.tokens[slot(row, position)]
            if token >= 0 { return TokenID(rawValue: token) }
            violations.append("position \(position) is read but was never written")
            return TokenID(0)
        }
    }

    /// No block that a row writes may be seen by another row of the step.
    private func checkWriters(_ batch: ForwardBatch) {
        var readers: [BlockID: Int] = [:]
        for row in batch.rows { for block in row.blockTable { readers[block, default: 0] += 1 } }
        for row in batch.rows {
            for block in row.blockTable[(row.firstPosition / blockSize)...] where readers[block] != 1 {
                violations.append("block \(block.rawValue) is written by one row and seen by another")
            }
        }
    }

    /// The script of the hashed model: what stands at the end depends on every token before.
    package static func hashed(_ tokens: [TokenID], _ logits: UnsafeMutableBufferPointer<Float>) {
        var state: UInt64 = 0x243F_6A88_85A3_08D3
        for token in tokens { state = spread(state ^ UInt64(UInt32(bitPattern: token.rawValue))) }
        for index in logits.indices {
            let word = spread(state &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
            logits[index] = Float(word >> 40) * 0x1p-21 - 4
        }
    }

    private static func spread(_ word: UInt64) -> UInt64 {
        var word = word &+ 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// The scripted model's cache, as other threads may see it.
///
/// `@unchecked Sendable`: only the address is shared, under the rule of `CacheBlockMemory`.
private final class TokenTable: @unchecked Sendable {
    let tokens: UnsafeMutableBufferPointer<Int32>

    init(capacity: Int) {
        tokens = .allocate(capacity: capacity)
        tokens.initialize(repeating: -1)
    }

    deinit { tokens.deallocate() }
}
