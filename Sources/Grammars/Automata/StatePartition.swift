/// Finds the states of an automaton that no text tells apart, in O(m log m) for m ways between states.
///
/// Every state must be reachable and lead to the end. Source: Valmari, "Fast brief practical DFA minimization",
/// Information Processing Letters 112, 2012. Departs from it in that states begin in as many blocks as there are flags.
struct StatePartition {
    /// A partition of numbers, of which marked ones can be split off.
    private struct Partition {
        private(set) var setCount = 0
        private var elements: [Int32]
        private var locations: [Int32]
        private var setOf: [Int32]
        private var first: [Int32] = []
        private var past: [Int32] = []
        private var marked: [Int32] = []
        private var touched: [Int32] = []

        /// One set for each key, in the order of the keys.
        init(keys: [Int32], keyCount: Int) {
            var offsets = [Int32](repeating: 0, count: keyCount + 1)
            for key in keys { offsets[Int(key) + 1] += 1 }
            for key in 0..<keyCount { offsets[key + 1] += offsets[key] }
            elements = [Int32](repeating: 0, count: keys.count)
            locations = elements
            setOf = elements
            var numbers = [Int32](repeating: 0, count: keyCount)
            for key in 0..<keyCount where offsets[key + 1] > offsets[key] {
                numbers[key] = Int32(setCount)
                first.append(offsets[key])
                past.append(offsets[key + 1])
                marked.append(0)
                setCount += 1
            }
            for (element, key) in keys.enumerated() {
                let location = offsets[Int(key)]
                offsets[Int(key)] += 1
                elements[Int(location)] = Int32(element)
                locations[element] = location
                setOf[element] = numbers[Int(key)]
            }
        }

        func members(_ set: Int) -> Range<Int> { Int(first[set])..<Int(past[set]) }

        func element(_ location: Int) -> Int { Int(elements[location]) }

        func set(of element: Int) -> Int32 { setOf[element] }

        mutating func mark(_ element: Int) {
            let set = Int(setOf[element])
            let location = Int(locations[element])
            let target = Int(first[set] + marked[set])
            if location < target { return }
            let other = elements[target]
            elements[location] = other
            locations[Int(other)] = Int32(location)
            elements[target] = Int32(element)
            locations[element] = Int32(target)
            if marked[set] == 0 { touched.append(Int32(set)) }
            marked[set] += 1
        }

        /// Makes the marked part of every set, or what is left, a set of its own: the smaller one.
        mutating func split() {
            while let touchedSet = touched.popLast() {
                let set = Int(touchedSet)
                let middle = first[set] + marked[set]
                let isWhole = middle == past[set]
                let markedIsSmaller = marked[set] <= past[set] - middle
                marked[set] = 0
                if isWhole { continue }
                first.append(markedIsSmaller ? first[set] : middle)
                past.append(markedIsSmaller ? middle : past[set])
                marked.append(0)
                if markedIsSmaller { first[set] = middle } else { past[set] = middle }
                for location in members(setCount) { setOf[Int(elements[location])] = Int32(setCount) }
                setCount += 1
            }
        }
    }

    private var states: Partition
    private var ways: Partition
    private let stateCount: Int
    private var sources: [Int32] = []
    /// The ways to each state: where its list begins, then which.
    private var offsets: [Int32]
    private var waysTo: [Int32]

    init(_ table: borrowing AutomatonTable) {
        stateCount = table.stateCount
        states = Partition(keys: table.flags.map(Int32.init), keyCount: 256)
        var kinds: [Int32] = []
        var targets: [Int32] = []
        for state in 0..<stateCount {
            for kind in 0..<table.classCount {
                let target = table.transitions[state * table.classCount + kind]
                if target == AutomatonTable.dead { continue }
                sources.append(Int32(state))
                kinds.append(Int32(kind))
                targets.append(target)
            }
        }
        ways = Partition(keys: kinds, keyCount: table.classCount)
        offsets = [Int32](repeating: 0, count: stateCount + 1)
        for target in targets { offsets[Int(target) + 1] += 1 }
        for state in 0..<stateCount { offsets[state + 1] += offsets[state] }
        waysTo = [Int32](repeating: 0, count: targets.count)
        var filled = offsets
        for (way, target) in targets.enumerated() {
            waysTo[Int(filled[Int(target)])] = Int32(way)
            filled[Int(target)] += 1
        }
    }

    /// The number of each state's block; that of the start is 0.
    consuming func blocks() -> (numbers: [Int32], count: Int) {
        var (state, way) = (0, 0)
        while state < states.setCount || way < ways.setCount {
            while state < states.setCount {
                for location in states.members(state) {
                    let target = states.element(location)
                    for index in Int(offsets[target])..<Int(offsets[target + 1]) { ways.mark(Int(waysTo[index])) }
                }
                ways.split()
                state += 1
            }
            if way < ways.setCount {
                for location in ways.members(way) { states.mark(Int(sources[ways.element(location)])) }
                states.split()
                way += 1
            }
        }
        var numbers = [Int32](repeating: -1, count: states.setCount)
        var count = 0
        var blocks: [Int32] = []
        for state in 0..<stateCount {
            let set = Int(states.set(of: state))
            if numbers[set] == -1 {
                numbers[set] = Int32(count)
                count += 1
            }
            blocks.append(numbers[set])
        }
        return (blocks, count)
    }
}
