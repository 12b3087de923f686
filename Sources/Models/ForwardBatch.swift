package import Tokenization

/// The rows of one step, packed one after the other.
package struct ForwardBatch: Sendable, Equatable {
    /// `[tokens]`: the new tokens of all rows, in row order.
    package var tokens: [TokenID]
    /// `[rows]`: where each row stands and what it wants.
    package var rows: [ForwardRow]

    package init(tokens: [TokenID] = [], rows: [ForwardRow] = []) {
        self.tokens = tokens
        self.rows = rows
    }

    /// Number of logit rows the step yields.
    package var logitRowCount: Int { rows.reduce(0) { $0 + $1.logitCount } }
}

/// One sequence's share of a step.
package struct ForwardRow: Sendable, Equatable {
    /// Position in the sequence of the row's first new token; equals the number of tokens already in its blocks.
    package var firstPosition: Int
    /// Number of new tokens, at least 1.
    package var tokenCount: Int
    /// Blocks that hold positions `0 ..< firstPosition + tokenCount`, in order.
    package var blockTable: [BlockID]
    /// How many of the row's last tokens want logits: 0 for an unfinished prefill chunk, otherwise 1 or more.
    package var logitCount: Int
    /// What changes the row's weights; nil for the model as it is.
    package var adapter: Adapter?

    package init(firstPosition: Int, tokenCount: Int, blockTable: [BlockID], logitCount: Int) {
        self.firstPosition = firstPosition
        self.tokenCount = tokenCount
        self.blockTable = blockTable
        self.logitCount = logitCount
    }
}

/// The logits of one step: a view into the model's own buffer, valid until its next `forward`.
package struct Logits {
    /// Number of logit rows: the sum of the batch's `logitCount`.
    package let rowCount: Int
    /// Floats in a row.
    package let vocabularySize: Int
    private let storage: UnsafeMutablePointer<Float>
    private let places: UnsafePointer<Int>?

    /// Wraps `storage`, `[rowCount, vocabularySize]` float32, row-major.
    ///
    /// - Parameter places: which row of the storage each is, `[rowCount]`; nil where they are in order.
    package init(
        rowCount: Int,
        vocabularySize: Int,
        storage: UnsafeMutablePointer<Float>,
        places: UnsafePointer<Int>? = nil
    ) {
        self.rowCount = rowCount
        self.vocabularySize = vocabularySize
        self.storage = storage
        self.places = places
    }

    /// Row `index`, `[vocabulary]`, in batch order. The caller may overwrite it.
    package func row(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
        precondition(index >= 0 && index < rowCount, "logit row \(index) of \(rowCount)")
        let place = places?[index] ?? index
        return UnsafeMutableBufferPointer(start: storage + place * vocabularySize, count: vocabularySize)
    }
}
