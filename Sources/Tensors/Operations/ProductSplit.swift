import CKernels

/// How a product is shared out: by panels, and by rows too where panels alone are too few. Never along the inputs.
struct ProductSplit {
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
    /// - Parameter isChanged: whether tasks have low-rank changes to look for, which takes longer than to be handed out.
    init(_ weights: PackedMatrix, rows: Int, threadCount: Int, isChanged: Bool = false) {
        (self.rows, self.threadCount) = (rows, threadCount)
        panelCount = weights.sections.reduce(0) { $0 + $1.panelCount }
        let isStreaming = rows <= Self.mostStreamedRows || threadCount == 1
        let bytes = weights.byteCount / threadCount
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

    /// End of the panels that the thread to whose share `task` belongs comes to with the same rows; see `WorkerPool`.
    private func shareEnd(of task: Int) -> Int {
        let thread = ((task + 1) * threadCount - 1) / taskCount
        let tasksLeft = taskCount * (thread + 1) / threadCount - task
        return min((task % panelTaskCount + tasksLeft) * panelsPerTask, panelCount)
    }

    /// Calls `body` with the parts of `task`, one for every section that it touches.
    func forEachRange(
        of task: Int,
        _ sections: UnsafeBufferPointer<PackedMatrix.Section>,
        _ body: (PackedMatrix.Section, ck_product_range) -> Void
    ) {
        let firstRow = task / panelTaskCount * rowsPerTask
        let firstPanel = task % panelTaskCount * panelsPerTask
        let endPanel = min(firstPanel + panelsPerTask, panelCount)
        let shareEnd = shareEnd(of: task)
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
                    share_end: Int32(min(shareEnd, sectionEnd) - sectionStart)
                )
                body(section, range)
            }
            sectionStart = sectionEnd
        }
    }
}
