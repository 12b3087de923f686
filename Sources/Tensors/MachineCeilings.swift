import CKernels

/// What the machine did at best at one moment, all threads together.
package struct CeilingSample: Sendable, Equatable {
    /// 8-bit multiplications and additions a second, on registers.
    package var dotRate: Double
    /// float32 multiplications and additions a second, on registers.
    package var multiplyAddRate: Double
    /// Bytes a second, read one after the other.
    package var readRate: Double

    package init(dotRate: Double, multiplyAddRate: Double, readRate: Double) {
        self.dotRate = dotRate
        self.multiplyAddRate = multiplyAddRate
        self.readRate = readRate
    }
}

/// Measures the ceilings that computations are held against: denominators of the benchmarks, on the threads that compute.
///
/// A shared machine drifts, so a ceiling is measured beside what it is compared with. It belongs to one thread.
package final class MachineCeilings {
    /// Reading more than this at once is as fast as reading this much: no cache holds either.
    package static let largestRead = 256 << 20

    private let instructionSet: InstructionSet
    private let workers: WorkerPool
    private let now: () -> Double
    private let memory: UnsafeMutableRawBufferPointer
    private let repetitionCount = 3

    /// Reserves what `readRate` reads.
    ///
    /// - Parameter now: seconds since some moment, on the clock that times what is compared.
    package init(
        instructionSet: InstructionSet,
        workers: WorkerPool,
        now: @escaping () -> Double = MachineCeilings.clock
    ) {
        precondition(instructionSet.isAvailable, "MachineCeilings: this machine has no \(instructionSet.name)")
        self.instructionSet = instructionSet
        self.workers = workers
        self.now = now
        memory = .allocate(byteCount: Self.largestRead, alignment: 4096)
        let part = Self.largestRead / workers.threadCount
        let start = memory
        // Pages that were never written are one page of zeros; each thread writes those that it will read.
        workers.run(taskCount: workers.threadCount) { task in
            UnsafeMutableRawBufferPointer(rebasing: start[task * part..<(task + 1) * part])
                .initializeMemory(as: UInt8.self, repeating: 1)
        }
    }

    deinit { memory.deallocate() }

    /// All three: some 0.1 s.
    ///
    /// - Parameter readBytes: how much is read again and again; see `readRate`.
    package func sample(readBytes: Int) -> CeilingSample {
        CeilingSample(dotRate: dotRate(), multiplyAddRate: multiplyAddRate(), readRate: readRate(bytes: readBytes))
    }

    /// 8-bit operations a second of the instruction set; a multiplication and an addition count two.
    package func dotRate() -> Double { operationRate { ck_ceiling_dot($0, $1) } }

    /// float32 operations a second of the instruction set; a multiplication and an addition count two.
    package func multiplyAddRate() -> Double { operationRate { ck_ceiling_multiply_add($0, $1) } }

    /// Bytes a second when all threads together read `bytes`, each its own part, again and again: memory's rate, or that
    /// of the cache which holds them.
    ///
    /// - Parameter bytes: at most `largestRead` are read; at least 512 by each thread.
    package func readRate(bytes: Int = largestRead) -> Double {
        let set = instructionSet.rawValue
        let part = max(min(bytes, Self.largestRead) / workers.threadCount / 512, 1) * 512
        let passCount = max(1, (32 << 20) / (part * workers.threadCount))
        let start = UnsafeRawPointer(memory.baseAddress)
        let seconds = leastSeconds { task in
            guard let start else { return }
            for _ in 0..<passCount { _ = ck_ceiling_read(set, start + task * part, Int64(part)) }
        }
        return Double(passCount * part * workers.threadCount) / seconds
    }

    private func operationRate(_ loop: (ck_instruction_set, Int64) -> Int64) -> Double {
        let set = instructionSet.rawValue
        // Rounds for some 5 ms, found on one thread.
        var roundCount: Int64 = 1_000
        while seconds({ _ = loop(set, roundCount) }) < 0.005 { roundCount *= 2 }
        let operationCount = Double(loop(set, roundCount)) * Double(workers.threadCount)
        return operationCount / leastSeconds { _ in _ = loop(set, roundCount) }
    }

    /// The least time of several in which every thread does `work` once: what disturbs only makes it longer.
    private func leastSeconds(_ work: (_ task: Int) -> Void) -> Double {
        (0...repetitionCount).reduce(.infinity) { least, _ in
            min(least, seconds { workers.run(taskCount: workers.threadCount, work) })
        }
    }

    private func seconds(_ work: () -> Void) -> Double {
        let start = now()
        work()
        return max(now() - start, 1e-9)
    }

    private static let epoch = ContinuousClock.now

    /// Seconds on the wall's clock.
    package static func clock() -> Double { (ContinuousClock.now - epoch) / .seconds(1) }
}
