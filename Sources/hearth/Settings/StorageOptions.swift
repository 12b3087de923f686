import ArgumentParser
import Deployments
import Foundation
import Storage

/// Where responses are kept for later requests.
struct StorageOptions: ParsableArguments {
    @Option(
        name: .customLong("storage"),
        help: ArgumentHelp(
            "Where responses are kept: a file, memory, or off (HEARTH_STORAGE; storage.sqlite in the store).",
            discussion: """
                The file holds what prompts and answers said, for its owner alone. It keeps up to 1 GB, of the last 30 \
                days; several servers may share it.
                """,
            valueName: "file"
        ),
        completion: .file()
    )
    var place: String?

    /// What responses may take in memory where nobody asked for it.
    private static var fallbackLimits: StorageLimits {
        var limits = StorageLimits()
        limits.byteCount = 128 << 20
        return limits
    }

    /// What was decided.
    func setting(_ environment: Environment) -> Setting<String> {
        Setting(
            flag: ("--storage", place),
            variable: ("HEARTH_STORAGE", environment["HEARTH_STORAGE"]),
            default: environment.home.value + "/storage.sqlite"
        )
    }

    /// Opens the store; nil when it is off.
    ///
    /// A place that nobody named may be read-only, full, busy, damaged or newer: whoever asked for a server gets one, and
    /// responses last as long as it does. The file is left as it is, for somebody to look at.
    func open(_ environment: Environment) throws(StorageError) -> (any RecordStore)? {
        let setting = setting(environment)
        switch setting.value {
        case "off": return nil
        case "memory": return MemoryStore()
        case let path:
            do {
                return try SQLiteStore(path: environment.absolute(path))
            } catch {
                guard case .default = setting.origin else { throw error }
                Output.note("Responses are kept in memory, until the server stops. \(error)")
                return MemoryStore(limits: Self.fallbackLimits)
            }
        }
    }
}
