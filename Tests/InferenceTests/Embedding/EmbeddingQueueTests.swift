import Testing

@testable import Inference

@Suite struct EmbeddingQueueTests {
    private func indices(_ batch: [EmbeddingQueue.Place]) -> [[Int]] { batch.map { [Int($0.request), $0.index] } }

    @Test func `a request gives its longest texts first, as many as fit`() {
        var queue = EmbeddingQueue(tokensPerBatch: 10)
        queue.add(1, lengths: [2, 5, 3, 5, 1])
        #expect(queue.waitingTokenCount == 16)
        #expect(indices(queue.takeBatch()) == [[1, 1], [1, 3]])
        #expect(indices(queue.takeBatch()) == [[1, 2], [1, 0], [1, 4]])
        #expect(queue.takeBatch().isEmpty && queue.waitingTokenCount == 0)
    }

    @Test func `a text longer than a batch goes alone`() {
        var queue = EmbeddingQueue(tokensPerBatch: 4)
        queue.add(1, lengths: [9, 1])
        #expect(indices(queue.takeBatch()) == [[1, 0]])
        #expect(indices(queue.takeBatch()) == [[1, 1]])
    }

    @Test func `requests give in turn, and a newcomer does not wait for the end of a large one`() {
        var queue = EmbeddingQueue(tokensPerBatch: 4)
        queue.add(1, lengths: Array(repeating: 2, count: 100))
        _ = queue.takeBatch()
        queue.add(2, lengths: [2])
        #expect(indices(queue.takeBatch()) == [[1, 2], [2, 0]])
        queue.add(3, lengths: [4])
        queue.add(4, lengths: [4])
        // Neither fits beside what came before it; each comes to its turn as others move to the end.
        let later = (0..<6).flatMap { _ in queue.takeBatch() }
        #expect(later.contains { $0.request == 3 } && later.contains { $0.request == 4 })
    }

    @Test func `newcomers that are done in one batch do not hold up a text that fits beside nothing`() {
        var queue = EmbeddingQueue(tokensPerBatch: 4)
        queue.add(1, lengths: [2])
        queue.add(2, lengths: [4])
        for newcomer in UInt64(3)..<10 {
            queue.add(newcomer, lengths: [2, 2])
            if queue.takeBatch().contains(where: { $0.request == 2 }) {
                #expect(newcomer == 4)
                return
            }
        }
        Issue.record("the long text still waits")
    }

    @Test func `a request that went gives no more`() {
        var queue = EmbeddingQueue(tokensPerBatch: 100)
        queue.add(1, lengths: [3, 4])
        queue.add(2, lengths: [5])
        queue.remove(1)
        #expect(queue.waitingTokenCount == 5)
        #expect(indices(queue.takeBatch()) == [[2, 0]])
    }

    @Test(arguments: 1...20)
    func `every text is taken once, whatever comes and goes`(seed: Int) {
        var random = SeededGenerator(seed)
        var queue = EmbeddingQueue(tokensPerBatch: 7)
        var waiting: Set<[Int]> = []
        var tokenCount = 0
        for request in 0..<500 {
            let lengths = (0..<Int.random(in: 1...6, using: &random)).map { _ in Int.random(in: 1...9, using: &random) }
            queue.add(UInt64(request), lengths: lengths)
            tokenCount += lengths.reduce(0, +)
            for index in lengths.indices { waiting.insert([request, index]) }
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let batch = queue.takeBatch()
                let size = batch.reduce(0) { $0 + $1.tokenCount }
                #expect(size <= 7 || batch.count == 1)
                for place in batch { #expect(waiting.remove([Int(place.request), place.index]) != nil) }
                tokenCount -= size
            }
            #expect(queue.waitingTokenCount == tokenCount)
        }
        while case let batch = queue.takeBatch(), !batch.isEmpty {
            for place in batch { #expect(waiting.remove([Int(place.request), place.index]) != nil) }
        }
        #expect(waiting.isEmpty)
    }
}
