/// Joins the symbols of a word, always the pair with the best priority, of equals the leftmost.
enum PairMerging {
    // MARK: Short words

    /// Merges the first `count` of `scratch.shortSymbols`, keeps them packed at the front, and returns how many are left.
    @inline(__always)
    static func mergeShort(
        _ rule: some MergeRule,
        _ word: UnsafeBufferPointer<UInt8>,
        _ scratch: EncodingScratch,
        count total: Int
    ) -> Int {
        let symbols = scratch.shortSymbols
        let priorities = scratch.priorities
        let merged = scratch.merged
        @inline(__always)
        func rate(_ index: Int) {
            let found = rule.merge(symbols[index], symbols[index + 1], in: word)
            priorities[index] = found?.priority ?? .max
            merged[index] = found?.id ?? -1
        }
        var count = total
        if count > 1 { for index in 0..<(count - 1) { rate(index) } }
        while count > 1 {
            var best = -1
            var bestPriority = UInt32.max
            for index in 0..<(count - 1)
            where priorities[index] < bestPriority || (best < 0 && merged[index] >= 0) {
                best = index
                bestPriority = priorities[index]
            }
            guard best >= 0 else { break }
            symbols[best].length += symbols[best + 1].length
            symbols[best].id = merged[best]
            count -= 1
            var index = best + 1
            while index < count {
                symbols[index] = symbols[index + 1]
                priorities[index] = priorities[index + 1]
                merged[index] = merged[index + 1]
                index += 1
            }
            if best > 0 { rate(best - 1) }
            if best + 1 < count { rate(best) }
        }
        return count
    }

    // MARK: Long words

    /// Merges `scratch.symbols`, which are linked in order. Takes O(n log n) in the number of symbols.
    static func mergeLong(_ rule: some MergeRule, _ word: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch) {
        guard scratch.symbols.count > 1 else { return }
        scratch.heap.removeAll(keepingCapacity: true)
        var heap = MergeHeap(taking: &scratch.heap)
        scratch.symbols.withUnsafeMutableBufferPointer { symbols in
            for left in 0..<(symbols.count - 1) { heap.push(candidate(rule, word, symbols, Int32(left))) }
            while let candidate = heap.pop() {
                let left = Int(truncatingIfNeeded: candidate.key & 0xFFFF_FFFF)
                let right = Int(candidate.right)
                guard symbols[left].length > 0, symbols[right].length > 0,
                    symbols[left].length + symbols[right].length == candidate.length
                else { continue }
                symbols[left].length = candidate.length
                symbols[left].id = candidate.id
                symbols[right].length = 0
                let next = symbols[right].next
                symbols[left].next = next
                if next >= 0 { symbols[Int(next)].previous = Int32(left) }
                heap.push(self.candidate(rule, word, symbols, symbols[left].previous))
                heap.push(self.candidate(rule, word, symbols, Int32(left)))
            }
        }
        heap.giveBack(to: &scratch.heap)
        scratch.symbols.removeAll { $0.length == 0 }
    }

    @inline(__always)
    private static func candidate(
        _ rule: some MergeRule,
        _ word: UnsafeBufferPointer<UInt8>,
        _ symbols: UnsafeMutableBufferPointer<MergeSymbol>,
        _ left: Int32
    ) -> MergeCandidate? {
        guard left >= 0 else { return nil }
        let first = symbols[Int(left)]
        guard first.next >= 0 else { return nil }
        let second = symbols[Int(first.next)]
        guard let found = rule.merge(first, second, in: word) else { return nil }
        return MergeCandidate(
            key: UInt64(found.priority) << 32 | UInt64(UInt32(bitPattern: left)),
            right: first.next,
            length: first.length + second.length,
            id: found.id
        )
    }
}

/// A binary heap, the smallest key on top.
private struct MergeHeap {
    private var items: [MergeCandidate] = []

    /// Takes over the memory of `storage` until `giveBack`.
    init(taking storage: inout [MergeCandidate]) { swap(&items, &storage) }

    mutating func giveBack(to storage: inout [MergeCandidate]) { swap(&items, &storage) }

    mutating func push(_ item: MergeCandidate?) {
        guard let item else { return }
        items.append(item)
        items.withUnsafeMutableBufferPointer { items in
            var index = items.count - 1
            while index > 0 {
                let parent = (index - 1) / 2
                guard item.key < items[parent].key else { break }
                items[index] = items[parent]
                index = parent
            }
            items[index] = item
        }
    }

    mutating func pop() -> MergeCandidate? {
        guard let last = items.popLast() else { return nil }
        guard !items.isEmpty else { return last }
        return items.withUnsafeMutableBufferPointer { items in
            let top = items[0]
            var index = 0
            while true {
                var child = index * 2 + 1
                guard child < items.count else { break }
                if child + 1 < items.count, items[child + 1].key < items[child].key { child += 1 }
                guard items[child].key < last.key else { break }
                items[index] = items[child]
                index = child
            }
            items[index] = last
            return top
        }
    }
}
