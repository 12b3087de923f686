package import Foundation

/// Where `scripts/test-data` puts what the tests read.
package enum TestData {
    /// The folder of all of it.
    package static let folder = URL(
        fileURLWithPath: ProcessInfo.processInfo.environment["HEARTH_TEST_DATA_CACHE"]
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build-testdata").path
    )

    /// Path of a file that must be there.
    package static func path(_ name: String) throws(MissingTestData) -> String {
        let path = folder.appendingPathComponent(name).path
        if !FileManager.default.fileExists(atPath: path) { throw MissingTestData(path: path) }
        return path
    }

    /// Path of a tiny random checkpoint or one of its companions.
    package static func tiny(_ name: String) throws(MissingTestData) -> String { try path("tiny/" + name) }
}

/// A file that the tests need is not there.
package struct MissingTestData: Error, CustomStringConvertible {
    let path: String

    package var description: String { "\(path) is missing; run scripts/test-data first" }
}
