import CKernels

/// How the tokens of a text become one vector.
package enum Pooling: Sendable, Equatable {
    /// The mean over all tokens, those around the text included.
    case mean
    /// The first token.
    case first
    /// The last token.
    case last
}

extension Compute {
    /// One row for every text: what `pooling` makes of its tokens.
    ///
    /// - Parameters:
    ///   - x: `[tokens, width]`.
    ///   - texts: each text's rows of `x`, none empty.
    ///   - output: becomes `[texts, width]`; not `x`.
    package func pool(_ x: FloatMatrix, texts: [Range<Int>], _ pooling: Pooling, into output: FloatMatrix) {
        precondition(output !== x && !texts.contains { $0.isEmpty || $0.upperBound > x.rows }, "pool: texts or places")
        output.reshape(rows: texts.count, width: x.width)
        for (index, text) in texts.enumerated() {
            let target = output.pointer + index * x.width
            switch pooling {
            case .mean:
                let first = x.pointer + text.lowerBound * x.width
                ck_mean_row(instructionSet.rawValue, first, target, text.count, x.width)
            case .first: target.update(from: x.pointer + text.lowerBound * x.width, count: x.width)
            case .last: target.update(from: x.pointer + (text.upperBound - 1) * x.width, count: x.width)
            }
        }
    }

    /// Divides every row of `x` by its Euclidean length; a row of zeros stays one.
    package func normalizeLengths(_ x: FloatMatrix) {
        ck_unit_rows(instructionSet.rawValue, x.pointer, x.rows, x.width)
    }
}
