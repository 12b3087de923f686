import CKernels

/// What samplers need of a row of logits. On the caller's thread: a vocabulary takes some tens of microseconds.
extension InstructionSet {
    /// Index of the largest element, the lowest of equals; what is not a number never wins. 0 when there is no winner.
    package func argmax(_ row: UnsafeBufferPointer<Float>) -> Int {
        guard let start = row.baseAddress, row.count > 0 else { return 0 }
        return ck_argmax(rawValue, start, row.count)
    }

    /// The largest element, or -infinity.
    package func maximum(_ row: UnsafeBufferPointer<Float>) -> Float {
        guard let start = row.baseAddress, row.count > 0 else { return -.infinity }
        return ck_maximum(rawValue, start, row.count)
    }

    /// log Σ exp(x): a logit minus it is a log probability. -infinity for an empty row.
    package func logSumExp(_ row: UnsafeBufferPointer<Float>) -> Float {
        guard let start = row.baseAddress, row.count > 0 else { return -.infinity }
        return ck_log_sum_exp(rawValue, start, row.count)
    }

    /// weights = exp((x − maximum) / temperature).
    ///
    /// - Parameters:
    ///   - row: logits.
    ///   - weights: as many; may be `row`.
    ///   - maximum: of the row.
    ///   - temperature: above 0.
    /// - Returns: the sum of the weights.
    package func expWeights(
        _ row: UnsafeBufferPointer<Float>,
        into weights: UnsafeMutableBufferPointer<Float>,
        maximum: Float,
        temperature: Float
    ) -> Float {
        precondition(row.count == weights.count && temperature > 0, "expWeights: \(row.count), \(weights.count)")
        guard let source = row.baseAddress, let target = weights.baseAddress else { return 0 }
        return ck_exp_weights(rawValue, source, target, maximum, 1 / temperature, row.count)
    }

    /// The largest of every 64 elements, the last of which may be fewer; what is not a number counts as -infinity.
    ///
    /// - Parameter maxima: a place for each.
    /// - Returns: whether all elements are numbers.
    package func blockMaxima(
        _ row: UnsafeBufferPointer<Float>,
        into maxima: UnsafeMutableBufferPointer<Float>
    ) -> Bool {
        precondition(maxima.count == (row.count + 63) / 64, "blockMaxima: \(maxima.count) for \(row.count)")
        guard let start = row.baseAddress, let target = maxima.baseAddress else { return true }
        return ck_block_maxima(rawValue, start, row.count, target)
    }

    /// weights = exp((x − maximum) · factor), the same bits on every instruction set.
    ///
    /// - Parameters:
    ///   - row: logits, all of them numbers.
    ///   - weights: as many.
    ///   - maximum: of the row.
    ///   - factor: one over the temperature.
    package func samplingWeights(
        _ row: UnsafeBufferPointer<Float>,
        into weights: UnsafeMutableBufferPointer<Float>,
        maximum: Float,
        factor: Float
    ) {
        precondition(row.count == weights.count, "samplingWeights: \(row.count), \(weights.count)")
        guard let source = row.baseAddress, let target = weights.baseAddress else { return }
        ck_sampling_weights(rawValue, source, target, maximum, factor, row.count)
    }
}
