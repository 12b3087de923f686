import CKernels

/// How a product is shared out: by panels, and by rows too where panels alone are too few. Never along the inputs.
///
/// An address and numbers, for threads to copy.
struct ProductSplit {
    let sections: UnsafeBufferPointer<PackedMatrix.Section>
    let rows: Int
    let panelCount: Int
    let panelsPerTask: Int
    let rowsPerTask: Int
    let taskCount: Int
    private let panelTaskCount: Int
    private let threadCount: Int

    /// Few rows: every thread streams a contiguous share of the panels, in tasks so small that what a held-up thread has not begun
    /// can be taken over. Many rows: four tasks a thread.
    ///
    /// - Parameters:
    ///   - sections: of the weights, as long as the split is used.
    ///   - isChanged: whether tasks have low-rank changes to look for, which takes longer than to be handed out.
    init(
        _ sections: UnsafeBufferPointer<PackedMatrix.Section>,
        rows: Int,
        threadCount: Int,
        isChanged: Bool = false
    ) {
        (self.sections, self.rows, self.threadCount) = (sections, rows, threadCount)
        panelCount = sections.reduce(0) { $0 + $1.panelCount }
        let isStreaming = rows <= Self.mostStreamedRows || threadCount == 1
        let bytes = sections.reduce(0) { $0 + $1.byteCount } / threadCount
        let shares = threadCount == 1 ? 1 : threadCount * (isStreaming ? Self.taskCount(of: bytes, isChanged) : 4)
        panelsPerTask = Self.panelsPerTask(panelCount, shares: shares, threadCount: threadCount)
        panelTaskCount = (panelCount + panelsPerTask - 1) / panelsPerTask
        let rowTasks = isStreaming ? 1 : min(max(1, shares / max(panelTaskCount, 1)), max(1, rows / 24))
        rowsPerTask = ((rows + rowTasks - 1) / max(rowTasks, 1) + 11) / 12 * 12
        taskCount = panelTaskCount * ((rows + rowsPerTask - 1) / rowsPerTask)
    }

    /// About a share of the panels. An even number, since tiles are two panels wide; of those from a whole share down to half of
    /// one, the largest that leaves the threads least to wait for at the end.
    private static func panelsPerTask(_ panelCount: Int, shares: Int, threadCount: Int) -> Int {
        let share = max(1, (panelCount + 2 * shares - 1) / (2 * shares))
        var best = (count: 2 * share, idle: Int.max)
        for count in stride(from: 2 * share, through: 2 * ((share + 1) / 2), by: -2) {
            let rounds = (panelCount + count * threadCount - 1) / (count * threadCount)
            let idle = rounds * count * threadCount - panelCount
            if idle < best.idle { best = (count, idle) }
        }
        return best.count
    }

    /// At the end threads wait for about half a task, and to hand one out takes as long as to compute with some kilobytes: the sum is
    /// least where a thread has as many tasks as the square root of its share of these.
    private static func taskCount(of bytes: Int, _ isChanged: Bool) -> Int {
        max(1, Int((Double(bytes) / (isChanged ? 16_384 : 4096)).squareRoot()))
    }

    /// More rows take so long with a task that there would be little to gain.
    private static let mostStreamedRows = 32

    /// A thread's own tasks; see `WorkerPool`.
    func tasks(of thread: Int) -> Range<Int> {
        taskCount * thread / threadCount..<taskCount * (thread + 1) / threadCount
    }

    /// Whose a task is.
    private func thread(of task: Int) -> Int { ((task + 1) * threadCount - 1) / taskCount }

    /// The panels that the thread to whose share `task` belongs comes to with the same rows.
    private func share(of task: Int) -> Range<Int> {
        let tasks = tasks(of: thread(of: task))
        let sameRows = task - task % panelTaskCount
        let first = max(tasks.lowerBound - sameRows, 0) * panelsPerTask
        return first..<min((tasks.upperBound - sameRows) * panelsPerTask, panelCount)
    }

    /// Where a thread begins to read.
    private func start(of thread: Int) -> UnsafePointer<UInt8>? {
        var panel = tasks(of: thread).lowerBound % panelTaskCount * panelsPerTask
        for section in sections {
            if panel < section.panelCount { return section.address(ofPanel: panel) }
            panel -= section.panelCount
        }
        return nil
    }

    /// Calls `body` with the parts of `task`, one for every section that it touches.
    ///
    /// - Parameter following: how the product that comes next is shared out; nil where none is known.
    func forEachRange(
        of task: Int,
        before following: ProductSplit? = nil,
        _ body: (PackedMatrix.Section, ck_product_range) -> Void
    ) {
        let firstRow = task / panelTaskCount * rowsPerTask
        let firstPanel = task % panelTaskCount * panelsPerTask
        let endPanel = min(firstPanel + panelsPerTask, panelCount)
        let share = share(of: task)
        // More rows meet the same panels again.
        let next = rows <= Self.mostStreamedRows ? following?.start(of: thread(of: task)) : nil
        var sectionStart = 0
        for section in sections {
            let sectionEnd = sectionStart + section.panelCount
            let from = max(firstPanel, sectionStart)
            let to = min(endPanel, sectionEnd)
            if from < to {
                let range = ck_product_range(
                    first_row: Int32(firstRow),
                    row_end: Int32(min(firstRow + rowsPerTask, rows)),
                    first_panel: Int32(from - sectionStart),
                    panel_end: Int32(to - sectionStart),
                    share_first: Int32(max(share.lowerBound, sectionStart) - sectionStart),
                    share_end: Int32(min(share.upperBound, sectionEnd) - sectionStart),
                    following: share.upperBound <= sectionEnd ? next : nil
                )
                body(section, range)
            }
            sectionStart = sectionEnd
        }
    }
}
