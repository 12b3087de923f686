import Models

/// A disk cache and the memory it works on.
struct EngineDisk: Sendable {
    let cache: DiskCache
    let memory: CacheBlockMemory

    /// Nil without a cache, and for a model that does not show its blocks.
    init?(_ cache: DiskCache?, _ memory: CacheBlockMemory?) {
        guard let cache, let memory else { return nil }
        self.cache = cache
        self.memory = memory
    }
}

extension Engine {
    /// How long a shutdown goes on writing after the last request.
    private static let savingLimit = Duration.seconds(5)

    /// Plans a step and sends for what it needs from disk.
    func planStep(into plan: inout StepPlan, tokenLimit: Int) {
        guard let disk else { return scheduler.planStep(into: &plan, tokenLimit: tokenLimit) }
        scheduler.planStep(into: &plan, tokenLimit: tokenLimit, isStored: disk.cache.contains)
        for restore in plan.restores { disk.cache.restore(restore, in: disk.memory, report: reportToEngine) }
    }

    /// Hands the disk what it is to do. Takes some microseconds a block; nothing is copied here.
    func sendDiskWork() {
        guard let disk else { return }
        let work = scheduler.takeDiskWork(isStored: disk.cache.contains)
        if !work.saves.isEmpty { disk.cache.save(work.saves, in: disk.memory, report: reportToEngine) }
        disk.cache.remove(work.removals)
        disk.cache.touch(work.touches)
    }

    /// Waits until everything worth it is on disk, or the time for that is over.
    func saveAll() async {
        guard let disk else { return }
        disk.cache.endSaving(at: clock.now.advanced(by: Self.savingLimit))
        sendDiskWork()
        if !scheduler.hasUnsavedBlocks { return }
        // A write that was begun may never return, as on a network disk that has gone.
        let limit = Task {
            try await Task.sleep(for: Self.savingLimit + .seconds(1))
            endWaitingForSaves()
        }
        await withCheckedContinuation { saveWaiters.append($0) }
        limit.cancel()
    }

    private func endWaitingForSaves() {
        for waiter in saveWaiters { waiter.resume() }
        saveWaiters = []
    }

    /// Brings a report from the disk's threads to the engine's, between two steps.
    private nonisolated var reportToEngine: @Sendable (DiskReport) -> Void {
        { [weak self] report in Task { await self?.take(report) } }
    }

    private func take(_ report: DiskReport) {
        switch report {
        case .saved(let blocks): scheduler.endSaves(blocks)
        case .restored(let ticket, let count):
            if let admission = scheduler.endRestore(ticket, count: count) { start(admission, at: clock.now) }
        }
        sendDiskWork()
        publish()
        if !scheduler.hasUnsavedBlocks { endWaitingForSaves() }
        if scheduler.hasWork { startLoop() }
    }
}
