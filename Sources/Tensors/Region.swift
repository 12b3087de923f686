/// What the tasks of a region do, as its threads are told it: a type and an address, so that nothing goes to the heap.
protocol RegionWork {
    /// Does one task of the work at `address`, which several threads read at once.
    static func perform(_ task: Int, at address: UnsafeRawPointer)
}

/// A function that captures nothing, and what it works on.
struct Region<Context>: RegionWork {
    let context: UnsafePointer<Context>
    let body: (_ context: UnsafePointer<Context>, _ task: Int) -> Void

    static func perform(_ task: Int, at address: UnsafeRawPointer) {
        let region = address.assumingMemoryBound(to: Self.self)
        region.pointee.body(region.pointee.context, task)
    }
}

/// A region whose tasks are runs of neighbouring rows.
struct RowRegion<Context>: RegionWork {
    let context: UnsafePointer<Context>
    let rows: Int
    let runCount: Int
    let body: (_ context: UnsafePointer<Context>, _ run: RowRun) -> Void

    static func perform(_ task: Int, at address: UnsafeRawPointer) {
        let region = address.assumingMemoryBound(to: Self.self)
        let first = region.pointee.rows * task / region.pointee.runCount
        let end = region.pointee.rows * (task + 1) / region.pointee.runCount
        region.pointee.body(region.pointee.context, RowRun(index: task, first: first, count: end - first))
    }
}

/// Neighbouring rows that one task does.
struct RowRun {
    /// Which run it is: nobody else has this number while the region lasts.
    var index: Int
    var first: Int
    var count: Int
    var rows: Range<Int> { first..<first + count }
}

extension Compute {
    /// Calls `body(context, run)` for runs of rows that cover all of them, on the threads when there is enough to do.
    ///
    /// - Parameters:
    ///   - rows: how many there are.
    ///   - floatsPerRow: the work of a row.
    ///   - leastRows: of a run, if there are as many.
    ///   - context: what `body` works on: values that are cheap to copy.
    ///   - body: captures nothing, or it would be put on the heap in every region.
    func overRows<Context>(
        _ rows: Int,
        floatsPerRow: Int,
        leastRows: Int = 1,
        _ context: Context,
        _ body: @escaping (_ context: UnsafePointer<Context>, _ run: RowRun) -> Void
    ) {
        let runCount = runCount(rows, floatsPerRow: floatsPerRow, leastRows: leastRows)
        withUnsafePointer(to: context) { context in
            if runCount > 1 {
                workers.run(
                    taskCount: runCount,
                    RowRegion(context: context, rows: rows, runCount: runCount, body: body)
                )
            } else if rows > 0 {
                body(context, RowRun(index: 0, first: 0, count: rows))
            }
        }
    }

    /// Runs that `overRows` makes of as much work: at most two a thread, so that a thread that comes late can be helped.
    func runCount(_ rows: Int, floatsPerRow: Int, leastRows: Int = 1) -> Int {
        // A region costs about what a core needs to quantise a thousand floats.
        let most = rows * floatsPerRow / 2048
        return workers.threadCount == 1 ? 1 : max(1, min(rows / leastRows, most, 2 * workers.threadCount))
    }
}
