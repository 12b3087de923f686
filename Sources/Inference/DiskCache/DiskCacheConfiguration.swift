/// Where blocks are kept on disk, and how much of it they may take.
package struct DiskCacheConfiguration: Sendable, Equatable {
    /// A folder of the cache's own; made when it does not exist. Several processes may share it.
    package let folder: String
    /// Most bytes of all blocks, of all models and processes that share the folder; `.max` without end.
    package let byteLimit: Int
    /// How long a block lives after its last use; nil without end.
    package let timeToLive: Duration?
    /// Time between two looks at what other processes did to the folder.
    package let sweepInterval: Duration

    package init(
        folder: String,
        byteLimit: Int,
        timeToLive: Duration? = nil,
        sweepInterval: Duration = .seconds(60)
    ) throws(DiskCacheError) {
        if !folder.hasPrefix("/") { throw .settingInvalid(reason: "the folder \"\(folder)\" is no absolute path") }
        if byteLimit < 1 { throw .settingInvalid(reason: "\(byteLimit) bytes hold no block") }
        if let timeToLive, timeToLive <= .zero { throw .settingInvalid(reason: "blocks would not live at all") }
        self.folder = folder
        self.byteLimit = byteLimit
        self.timeToLive = timeToLive
        self.sweepInterval = sweepInterval
    }
}

/// What a disk cache has done since it was opened, and holds.
package struct DiskCacheStatistics: Sendable, Equatable {
    /// Blocks on disk, of all models that share the folder, as far as known.
    package var blockCount = 0
    /// Their bytes.
    package var bytes = 0
    package var savedBlocks: UInt64 = 0
    package var savedBytes: UInt64 = 0
    /// Blocks the disk would not take, and blocks behind them in their chains.
    package var failedSaves: UInt64 = 0
    package var restoredBlocks: UInt64 = 0
    package var restoredBytes: UInt64 = 0
    /// Blocks that were thought to be there and were not, or could not be read.
    package var absentBlocks: UInt64 = 0
    /// Blocks that were there and did not hold what they should; they are removed.
    package var damagedBlocks: UInt64 = 0
    /// Blocks removed for room or age.
    package var evictedBlocks: UInt64 = 0

    package init() {}
}
