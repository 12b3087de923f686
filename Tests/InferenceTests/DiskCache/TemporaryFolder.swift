import Foundation

/// A folder of the test's own, gone with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "hearth-disk-" + UUID().uuidString
        mkdir(path, 0o700)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Every file below the folder that is named like a block, as paths, in order.
    var blockFiles: [String] {
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        let files = names.filter {
            ($0 as NSString).lastPathComponent.utf8.count == 32 && $0.split(separator: "/").count == 3
        }
        return files.sorted().map { path + "/" + $0 }
    }
}
