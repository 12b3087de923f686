import Tensors

/// The largest logit of every block of 64: one pass over a row, and afterwards most questions need only a few blocks.
struct BlockMaxima: Sendable {
    /// Logits in a block.
    static let width = 64
    /// `[blocks]`
    private(set) var values: [Float] = []
    /// What rows are read with.
    var instructionSet = InstructionSet.detected

    /// Reads a row.
    ///
    /// - Returns: the largest logit, which is finite.
    mutating func scan(_ logits: UnsafeBufferPointer<Float>) throws(SamplingFailure) -> Float {
        let blockCount = (logits.count + Self.width - 1) / Self.width
        if values.count != blockCount { values = Array(repeating: 0, count: blockCount) }
        let set = instructionSet
        let isNumber = values.withUnsafeMutableBufferPointer { set.blockMaxima(logits, into: $0) }
        let peak = values.withUnsafeBufferPointer { set.maximum($0) }
        if !isNumber || peak == .infinity { throw .notFinite }
        if peak == -.infinity { throw .nothingAllowed }
        return peak
    }

    /// The lowest index at which `peak` stands.
    func firstIndex(of peak: Float, in logits: UnsafeBufferPointer<Float>) -> Int {
        guard let block = values.firstIndex(of: peak) else { return 0 }
        var index = block * Self.width
        while index < logits.count - 1, logits[index] != peak { index += 1 }
        return index
    }

    /// A bound that at least `count` logits reach, and often not many more; -∞ when there are fewer blocks than that.
    ///
    /// The `count` largest maxima are `count` different logits, so the smallest of them is such a bound.
    func bound(reachedBy count: Int, _ scratch: inout [Float]) -> Float {
        if count >= values.count { return -.infinity }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: values)
        return PartialOrder.largest(count, of: &scratch)
    }

    /// Calls `body` for every logit that reaches `bound`, in the order of the row.
    func forEach(
        atLeast bound: Float,
        in logits: UnsafeBufferPointer<Float>,
        _ body: (_ index: Int, _ logit: Float) -> Void
    ) {
        for block in values.indices where values[block] >= bound {
            let start = block * Self.width
            for index in start..<min(start + Self.width, logits.count) where logits[index] >= bound {
                body(index, logits[index])
            }
        }
    }
}

/// Partial orders in linear time, where a full sort would be waste.
enum PartialOrder {
    /// The `count`-th largest of `values`, which are left in another order. `count` is from 1 to `values.count`.
    static func largest(_ count: Int, of values: inout [Float]) -> Float {
        var low = 0
        var high = values.count - 1
        let target = count - 1
        while low < high {
            let pivot = values[(low + high) / 2]
            var left = low
            var right = high
            while left <= right {
                while values[left] > pivot { left += 1 }
                while values[right] < pivot { right -= 1 }
                if left <= right {
                    values.swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
            if target <= right { high = right } else if target >= left { low = left } else { break }
        }
        return values[target]
    }

    /// Brings the shortest run of candidates, in the order of key and token, whose measures reach `target` to the
    /// front and drops the rest. Keeps at least one, and all when they do not reach the target.
    ///
    /// A quickselect by measure: linear on average, and each round measures what the last one kept.
    static func keepPrefix(_ candidates: inout [Candidate], reaching target: Double, by measure: KeyPathMeasure) {
        var low = 0
        var high = candidates.count
        var reached = 0.0
        // Everything before `low` is kept and has the measure `reached`; everything from `high` on is dropped.
        while high - low > 1 {
            let (middle, end) = partition(&candidates, low, high)
            var gain = 0.0
            for index in low..<middle { gain += measure(candidates[index]) }
            if reached + gain >= target, middle > low {
                high = middle
                continue
            }
            reached += gain
            // The pivot stands alone between the two sides, since tokens are distinct.
            let pivotGain = measure(candidates[middle])
            if reached + pivotGain >= target {
                candidates.removeSubrange(end...)
                return
            }
            reached += pivotGain
            low = end
        }
        candidates.removeSubrange(max(high, 1)...)
    }

    typealias KeyPathMeasure = (Candidate) -> Double

    /// Splits `candidates[low ..< high]` around one of them: smaller ones, it, larger ones.
    private static func partition(_ candidates: inout [Candidate], _ low: Int, _ high: Int) -> (middle: Int, end: Int) {
        candidates.swapAt((low + high) / 2, high - 1)
        let pivot = candidates[high - 1]
        var middle = low
        for index in low..<high - 1 where candidates[index].precedes(pivot) {
            candidates.swapAt(index, middle)
            middle += 1
        }
        candidates.swapAt(middle, high - 1)
        return (middle, middle + 1)
    }
}
