import Synchronization

/// Where one thread shows its figures and others read them, without a lock on either side.
///
/// A sequence lock: the version is odd while figures are written, and whoever finds it odd, or another after reading,
/// reads again. Writing takes well under a microsecond. Source: Boehm, *Can Seqlocks Get Along With Programming Language
/// Memory Models?*, MSPC 2012, section 4.
///
/// `@unchecked Sendable`: the words are atomic, and only the address of them is kept.
final class StatisticsBoard: @unchecked Sendable {
    private let version = Atomic<UInt64>(0)
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let wordCount: Int

    /// Shows `statistics`.
    init(_ statistics: EngineStatistics) {
        var copy = statistics
        var count = 0
        copy.visitWords { _ in count += 1 }
        wordCount = count
        words = .allocate(capacity: count)
        for index in 0..<count { (words + index).initialize(to: Atomic(0)) }
        write(&copy)
    }

    deinit {
        words.deinitialize(count: wordCount)
        words.deallocate()
    }

    /// Shows `statistics`, which stay as they are. By one thread at a time.
    func write(_ statistics: inout EngineStatistics) {
        version.add(1, ordering: .relaxed)
        var word = words
        statistics.visitWords {
            // Released, so that whoever reads it sees that the version is odd.
            word.pointee.store($0, ordering: .releasing)
            word += 1
        }
        version.add(1, ordering: .releasing)
    }

    /// The figures as they were shown last; the writer's own are never waited for longer than one writing takes.
    func read() -> EngineStatistics {
        var statistics = EngineStatistics()
        while true {
            let before = version.load(ordering: .acquiring)
            if before % 2 == 1 { continue }
            var word = words
            statistics.visitWords {
                $0 = word.pointee.load(ordering: .acquiring)
                word += 1
            }
            if version.load(ordering: .relaxed) == before { return statistics }
        }
    }
}

extension EngineStatistics {
    /// Calls `visit` for every figure as a word, always in the same order; what it leaves there becomes the figure.
    fileprivate mutating func visitWords(_ visit: (inout UInt64) -> Void) {
        Self.visit(&runningCount, visit)
        Self.visit(&waitingCount, visit)
        Self.visit(&blockCount, visit)
        Self.visit(&blockSize, visit)
        Self.visit(&freeBlockCount, visit)
        Self.visit(&cachedBlockCount, visit)
        visit(&promptTokens)
        visit(&cachedPromptTokens)
        visit(&restoredPromptTokens)
        visit(&generatedTokens)
        visit(&preemptions)
        visit(&steps)
        visit(&computedTokens)
        visit(&drafts)
        visit(&draftTokens)
        visit(&acceptedDraftTokens)
        visit(&refusedRequests)
        visit(&invariantViolations)
        visitCount(of: .stop, visit)
        visitCount(of: .length, visit)
        visitCount(of: .abort, visit)
        visitCount(of: .error, visit)
        stepTime.visitWords(visit)
        stepTokens.visitWords(visit)
        timeToFirstToken.visitWords(visit)
        interTokenLatency.visitWords(visit)
        queueTime.visitWords(visit)
        prefillTime.visitWords(visit)
        decodeTime.visitWords(visit)
        requestTime.visitWords(visit)
    }

    private static func visit(_ count: inout Int, _ visit: (inout UInt64) -> Void) {
        var word = UInt64(bitPattern: Int64(count))
        visit(&word)
        count = Int(Int64(bitPattern: word))
    }

    private mutating func visitCount(of kind: EndingKind, _ visit: (inout UInt64) -> Void) {
        let count = finishedRequests[kind]
        var word = count ?? 0
        visit(&word)
        if word != count ?? 0 { finishedRequests[kind] = word }
    }
}
