import Foundation
import Testing

/// Where `scripts/test-data` puts what the tests read.
enum TestData {
    static let folder = URL(
        fileURLWithPath: ProcessInfo.processInfo.environment["HEARTH_TEST_DATA_CACHE"]
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build-testdata").path
    )

    /// Path of a file that must be there.
    static func path(_ name: String) throws -> String {
        let path = folder.appendingPathComponent(name).path
        try #require(FileManager.default.fileExists(atPath: path), "run scripts/test-data first: \(path) is missing")
        return path
    }

    /// Path of a tiny random checkpoint or one of its companions.
    static func tiny(_ name: String) throws -> String { try path("tiny/" + name) }
}
