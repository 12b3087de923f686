#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#elseif canImport(Darwin)
    package import Darwin
#endif

/// What tells one state of a file from another without reading it: size, inode, and both times of change.
///
/// Whatever writes to a file sets its change time, which programs cannot set back.
package struct FileState: Sendable, Equatable, CustomStringConvertible {
    /// The numbers, with spaces between them.
    package let description: String

    /// Seconds since 1970 at which it was written to last.
    package let modified: Double
    /// Whether it is a folder.
    package let isFolder: Bool

    /// The state of what a path leads to, through links; nil where there is nothing.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Whether there is nothing at the path. False where that cannot be told, as on a network disk that has gone.
    package static func isMissing(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 && [ENOENT, ENOTDIR, ELOOP].contains(errno)
    }

    /// The state that `fstat` gave.
    package init(_ status: stat) {
        #if canImport(Darwin)
            let times = [status.st_mtimespec, status.st_ctimespec]
        #else
            let times = [status.st_mtim, status.st_ctim]
        #endif
        let numbers = [Int(status.st_size), Int(status.st_ino)] + times.flatMap { [Int($0.tv_sec), Int($0.tv_nsec)] }
        modified = Double(times[0].tv_sec) + Double(times[0].tv_nsec) * 1e-9
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        description = numbers.map(String.init).joined(separator: " ")
    }
}
