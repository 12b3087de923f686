/// Finds the numbers from which a way leads back to themselves, in the time it takes to walk every way once.
///
/// Source: Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal on Computing 1, 1972; with a path of its
/// own instead of recursion, since chains are as long as a sender likes.
struct LoopSearch {
    private(set) var isLooping: [Bool]
    /// Where each number leads.
    private let ways: [[Int]]
    /// When each was met; -1 before.
    private var order: [Int]
    /// The earliest that was met of those that a number leads to and that are still open.
    private var earliest: [Int]
    private var isOpen: [Bool]
    private var open: [Int] = []
    private var path: [(number: Int, next: Int)] = []
    private var metCount = 0

    init(_ ways: [[Int]]) {
        self.ways = ways
        isLooping = [Bool](repeating: false, count: ways.count)
        isOpen = isLooping
        order = [Int](repeating: -1, count: ways.count)
        earliest = order
    }

    mutating func run() {
        for root in ways.indices where order[root] < 0 {
            enter(root)
            while let (number, next) = path.last {
                if next < ways[number].count {
                    path[path.count - 1].next += 1
                    let target = ways[number][next]
                    if order[target] < 0 {
                        enter(target)
                    } else if isOpen[target] {
                        earliest[number] = min(earliest[number], order[target])
                    }
                } else {
                    path.removeLast()
                    if let before = path.last?.number { earliest[before] = min(earliest[before], earliest[number]) }
                    if earliest[number] == order[number] { close(number) }
                }
            }
        }
    }

    private mutating func enter(_ number: Int) {
        order[number] = metCount
        earliest[number] = metCount
        metCount += 1
        isOpen[number] = true
        open.append(number)
        path.append((number, 0))
    }

    /// All that was met after `number` and is still open leads back to it.
    private mutating func close(_ number: Int) {
        let isLoop = open.last != number || ways[number].contains(number)
        while let member = open.popLast() {
            isOpen[member] = false
            isLooping[member] = isLoop
            if member == number { break }
        }
    }
}
