import ArgumentParser
import Deployments
import Foundation
import Inference

/// Where computed prefixes are kept on disk, and how many.
struct DiskCacheOptions: ParsableArguments {
    @Option(
        name: .customLong("cache-dir"),
        help: ArgumentHelp(
            "Keep computed prefixes in this folder (HEARTH_CACHE_DIR; ~/.cache/hearth/prefixes when on).",
            discussion: "The folder holds what prompts said. Several servers may share it.",
            valueName: "folder"
        ),
        completion: .directory
    )
    var folder: String?

    @Option(
        name: .customLong("cache-disk-bytes"),
        help: ArgumentHelp(
            "Turn the disk cache on and let it take this much (HEARTH_CACHE_DISK_BYTES; off, 10G with --cache-dir).",
            valueName: "size"
        )
    )
    var byteLimit: ByteSize?

    @Option(
        name: .customLong("cache-ttl"),
        help: ArgumentHelp(
            "Remove what was not used for so long: 90s, 30m, 12h, 7d (HEARTH_CACHE_TTL; kept until room is needed).",
            valueName: "time"
        )
    )
    var timeToLive: TimeSpan?

    /// What a disk cache may take where only its folder is named.
    static let standardByteLimit = 10 << 30

    /// The disk cache's settings; nil unless a flag or variable turns it on.
    func configuration(_ environment: Environment) throws -> DiskCacheConfiguration? {
        let isOn = try limit(environment) != nil || folder != nil || environment["HEARTH_CACHE_DIR"] != nil
        if !isOn {
            if timeToLive == nil { return nil }
            throw ValidationError("--cache-ttl needs a disk cache: give --cache-disk-bytes or --cache-dir.")
        }
        return try required(environment)
    }

    /// The disk cache's settings, on in any case: for commands that are about it.
    ///
    /// - Parameter standardByteLimit: what it may take where nothing else is said.
    func required(
        _ environment: Environment,
        standardByteLimit: Int = Self.standardByteLimit
    ) throws -> DiskCacheConfiguration {
        try DiskCacheConfiguration(
            folder: path(environment),
            byteLimit: try limit(environment)?.bytes ?? standardByteLimit,
            timeToLive: try timeToLive(environment)
        )
    }

    /// The settings of a command that only adds to a folder: a server may keep more there than this command's standard,
    /// and what has to go is the server's business.
    func forAdding(_ environment: Environment) throws -> DiskCacheConfiguration {
        try required(environment, standardByteLimit: .max)
    }

    /// The folder, whether or not it is used.
    func path(_ environment: Environment) -> String {
        folder.map { environment.absolute($0) } ?? environment.cacheFolder.value
    }

    private func limit(_ environment: Environment) throws -> ByteSize? {
        if let byteLimit { return byteLimit }
        guard let text = environment["HEARTH_CACHE_DISK_BYTES"] else { return nil }
        guard let size = ByteSize(argument: text) else {
            throw ValidationError("HEARTH_CACHE_DISK_BYTES is \"\(text)\", which is no size such as 10G.")
        }
        return size
    }

    private func timeToLive(_ environment: Environment) throws -> Duration? {
        if let timeToLive { return timeToLive.duration }
        guard let text = environment["HEARTH_CACHE_TTL"] else { return nil }
        guard let span = TimeSpan(argument: text) else {
            throw ValidationError("HEARTH_CACHE_TTL is \"\(text)\", which is no time such as 30m, 12h or 7d.")
        }
        return span.duration
    }

    /// What was decided, for the line a server begins with.
    static func sentence(_ configuration: DiskCacheConfiguration?) -> String {
        guard let configuration else { return "off" }
        return "\(ByteCount(configuration.byteLimit)) in \(configuration.folder)"
    }
}

/// A span of time as typed: `90s`, `30m`, `12h`, `7d`, or seconds alone.
struct TimeSpan: ExpressibleByArgument, Sendable {
    let duration: Duration

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        var digits = argument.lowercased()[...]
        var unit = 1
        if let last = digits.last, let known = units[last] {
            unit = known
            digits = digits.dropLast()
        }
        guard let number = Int(digits), number > 0, number < 1 << 40 else { return nil }
        duration = .seconds(number * unit)
    }
}
