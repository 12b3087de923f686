package import Tensors

/// How a file that others may write to is copied into memory.
package struct FileCopying {
    /// Bytes that a file may have.
    package var byteLimit: Int
    /// Where the memory comes from if it fits, and goes in the end.
    package var spare: SpareMemory?
    /// Lets those who compute meanwhile go first.
    package var pace: WorkPace?

    package init(byteLimit: Int = .max, spare: SpareMemory? = nil, pace: WorkPace? = nil) {
        self.byteLimit = byteLimit
        self.spare = spare
        self.pace = pace
    }
}
