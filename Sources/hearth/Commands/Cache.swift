import ArgumentParser
import Deployments
import Foundation
import Inference
import JSON
import Tokenization

/// `hearth cache`: the prefixes that are kept on disk.
struct Cache: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and changes what the disk cache keeps.",
        discussion: """
            The disk cache keeps the computed blocks of prompts and answers, so that a server finds them after a \
            restart (`hearth serve --cache-disk-bytes 10G`). Every verb takes --cache-dir, and may run beside servers.

            Examples:

              hearth cache list
              hearth cache warm smollm2-135m --system policy.txt --pin policy
              hearth cache pin smollm2-135m policy --system policy.txt
              hearth cache pin --remove policy
              hearth cache clear
            """,
        subcommands: [CacheList.self, CacheWarm.self, CachePin.self, CacheClear.self]
    )
}

/// `hearth cache list`
struct CacheList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the models that have blocks on disk, and what is pinned."
    )

    @OptionGroup var options: CacheFolderOption

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let summaries = try options.shelf(Environment()).folders.summaries()
        json ? printJSON(summaries) : printTable(summaries)
    }

    private func printTable(_ summaries: [CacheFormSummary]) {
        if summaries.isEmpty {
            Output.note(
                "Nothing in \(options.path(Environment())) yet. `hearth serve --cache-disk-bytes 10G` fills it."
            )
            return
        }
        let formatter = ISO8601DateFormatter()
        let rows = summaries.map { summary in
            [
                summary.about.first ?? "?", String(summary.form.name.prefix(8)), "\(summary.blockCount)",
                ByteCount(summary.bytes).description, summary.lastUse.map { formatter.string(from: $0.date) } ?? "–",
                summary.pins.map(\.name).joined(separator: ", "),
            ]
        }
        Output.line(Table(rows: [["MODEL", "FORM", "BLOCKS", "SIZE", "LAST USED", "PINNED"]] + rows).text)
    }

    private func printJSON(_ summaries: [CacheFormSummary]) {
        let values = summaries.map { summary -> JSONValue in
            [
                "model": .string(summary.about.first ?? ""),
                "form": .string(summary.form.name),
                "facts": .array(summary.about.dropFirst().map { .string($0) }),
                "blocks": .integer(Int64(summary.blockCount)),
                "bytes": .integer(Int64(summary.bytes)),
                "last_used": summary.lastUse.map { .integer(Int64($0.date.timeIntervalSince1970)) } ?? .null,
                "pins": .array(
                    summary.pins.map { ["name": .string($0.name), "blocks": .integer(Int64($0.hashes.count))] }
                ),
            ]
        }
        Output.line(JSONValue.array(values).serialized(.pretty()))
    }
}

/// `hearth cache warm`
struct CacheWarm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract: "Computes a prefix now, so that the first request finds it.",
        discussion: """
            Give --isa, --cache-type and --weight-type as the server has them: blocks are only found by the same program \
            that computes in the same way. (The number of threads makes no difference.)

            Without --cache-disk-bytes nothing leaves the folder for it: what has to go is decided by the server that \
            uses the folder, by its own limit.
            """
    )

    @Argument(help: .model, completion: .models)
    var model: String

    @OptionGroup var text: PrefixText
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var diskCache: DiskCacheOptions

    @Option(help: "Pin the prefix under this name.")
    var pin: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws { if let pin { try CachePin.requireName(pin) } }

    func run() async throws {
        let environment = Environment()
        let located = try await ModelAccess(environment).model(model)
        var configuration = try compute.configuration(for: located, environment)
        configuration.diskCache = try diskCache.forAdding(environment)
        let deployment = try await Loading.deployment(configuration)
        let tokens = try await text.tokens { try await deployment.encode($0, addsSpecialTokens: $1) }
        if pin != nil { try KeptText.requireBlock(tokens.count) }
        var parameters = GenerationParameters(sampling: .greedy, maxTokens: 1)
        parameters.cacheSalt = text.cacheSalt
        let request = TextRequest(id: "warm", prompt: .tokens(tokens), parameters: parameters)
        var usage: TextUsage?
        for await event in try await deployment.generate(request).events {
            if case .failed(let reason) = event { throw GenerationFailure.failed(reason) }
            if case .usage(let total) = event { usage = total }
        }
        await deployment.shutdown(gracePeriod: .seconds(60))
        let shelf = PrefixShelf(folder: diskCache.path(environment))
        let placements = try shelf.pin(tokens, as: pin, salt: text.cacheSalt, checkpointAt: located.path)
        let kept = KeptText(placements)
        if kept == nil, tokens.count >= EngineConfiguration.standard.blockSize {
            throw PinError.notWritten(folder: shelf.folders.root)
        }
        report(tokens.count, cached: usage?.cachedTokenCount ?? 0, kept)
    }

    private func report(_ tokenCount: Int, cached: Int, _ kept: KeptText?) {
        if json {
            let object: JSONValue = [
                "tokens": .integer(Int64(tokenCount)), "cached_tokens": .integer(Int64(cached)),
                "pinned_blocks": .integer(Int64(pin == nil ? 0 : kept?.presentCount ?? 0)),
            ]
            return Output.line(object.serialized())
        }
        var line = "\(tokenCount) tokens, \(cached) of them were there"
        if let pin { line += "; pinned as \(pin)" }
        if let kept, kept.presentCount < kept.blockCount {
            line += ", but only \(kept.presentCount) of \(kept.blockCount) blocks are on disk"
        }
        Output.line(line)
    }
}

/// `hearth cache pin`
struct CachePin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Keeps a prefix on disk whatever its age and however little room there is.",
        discussion: "Pins what is there; `hearth cache warm --pin` computes it as well. --remove NAME unpins."
    )

    @Argument(help: .model, completion: .models)
    var model: String?

    @Argument(help: "A name of your choice: letters, digits, -, _ and dots.")
    var name: String?

    @OptionGroup var text: PrefixText
    @OptionGroup var options: CacheFolderOption

    @Option(help: "Unpin the prefix of this name.")
    var remove: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let remove {
            if model != nil { throw ValidationError("Give --remove NAME alone.") }
            return try Self.requireName(remove)
        }
        guard model != nil, let name else { throw ValidationError("Name a model and the pin, or --remove NAME.") }
        try Self.requireName(name)
    }

    static func requireName(_ name: String) throws {
        if !CacheFolders.isPinName(name) {
            throw ValidationError("\"\(name)\" cannot name a pin: use up to 64 letters, digits, -, _ and dots.")
        }
    }

    func run() async throws {
        let shelf = options.shelf(Environment())
        if let remove {
            if try shelf.folders.unpin(remove) == 0 { throw PinError.unknown(name: remove) }
            return json ? Output.line("{\"unpinned\":\"\(remove)\"}") : Output.line("unpinned \(remove)")
        }
        guard let model, let name else { return }
        let located = try await ModelAccess().model(model)
        let tokens = try await text.tokens(Deployment.encoder(checkpointAt: located.path))
        let placements = try shelf.pin(tokens, as: name, salt: text.cacheSalt, checkpointAt: located.path)
        guard let pinned = KeptText(placements) else {
            try KeptText.requireBlock(tokens.count)
            throw PinError.nothingThere(name: name, model: model)
        }
        if json {
            let object: JSONValue = [
                "pinned": .string(name), "blocks": .integer(Int64(pinned.blockCount)),
                "present": .integer(Int64(pinned.presentCount)),
            ]
            return Output.line(object.serialized())
        }
        Output.line("pinned \(name): \(pinned.blockCount) blocks, \(pinned.presentCount) of them are there")
    }
}

/// A text that is on disk, and pinned where that was asked for, in at least one form.
struct KeptText {
    /// Whole blocks of the text.
    let blockCount: Int
    /// Those that are on disk, from the first on.
    let presentCount: Int

    /// Nil when no form has any of it, which pins nothing.
    init?(_ placements: [PrefixShelf.Placement]) {
        guard let fullest = placements.max(by: { $0.presentCount < $1.presentCount }), fullest.presentCount > 0 else {
            return nil
        }
        (blockCount, presentCount) = (fullest.blockCount, fullest.presentCount)
    }

    /// Refuses what is shorter than a block, of which nothing is ever kept.
    static func requireBlock(_ tokenCount: Int) throws(PinError) {
        let blockSize = EngineConfiguration.standard.blockSize
        if tokenCount < blockSize { throw .tooShort(tokenCount: tokenCount, blockSize: blockSize) }
    }
}

/// Why a text is not kept as it was to be.
enum PinError: Error, Equatable, CustomStringConvertible {
    case unknown(name: String)
    case nothingThere(name: String, model: String)
    /// The text was computed, and the disk did not take it.
    case notWritten(folder: String)
    case tooShort(tokenCount: Int, blockSize: Int)

    var description: String {
        switch self {
        case .unknown(let name): "Nothing is pinned as \"\(name)\". `hearth cache list` shows what is."
        case .nothingThere(let name, let model):
            "Nothing of this text is on disk for \(model). `hearth cache warm \(model) --pin \(name)` with the same "
                + "text computes it."
        case .notWritten(let folder):
            "Nothing of this text could be written to \(folder), so nothing is kept or pinned. Look whether the disk is "
                + "full."
        case .tooShort(let tokenCount, let blockSize):
            "Prefixes are kept in blocks of \(blockSize) tokens. This text has \(tokenCount), so nothing of it can be "
                + "pinned."
        }
    }
}

/// `hearth cache clear`
struct CacheClear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear",
        abstract: "Removes what is kept on disk, but not what is pinned.",
        discussion: "Servers may go on: they compute what they miss, and write it again."
    )

    @Argument(help: "Only blocks of the model of this name, as `hearth cache list` shows it.")
    var model: String?

    @OptionGroup var options: CacheFolderOption

    @Flag(help: "Remove pinned prefixes, too.")
    var pinned = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let folders = options.shelf(Environment()).folders
        var (count, bytes) = (0, 0)
        for summary in try folders.summaries() where model == nil || summary.about.first == model {
            let removed = try folders.clear(summary.form, includingPinned: pinned)
            count += removed.blockCount
            bytes += removed.bytes
        }
        if json {
            let object: JSONValue = ["removed_blocks": .integer(Int64(count)), "freed_bytes": .integer(Int64(bytes))]
            return Output.line(object.serialized())
        }
        Output.line("removed \(count) blocks, \(ByteCount(bytes)) freed")
    }
}

/// The folder of the disk cache, for commands that only look into it.
struct CacheFolderOption: ParsableArguments {
    @Option(
        name: .customLong("cache-dir"),
        help: ArgumentHelp("The cache's folder (HEARTH_CACHE_DIR; ~/.cache/hearth/prefixes).", valueName: "folder"),
        completion: .directory
    )
    var folder: String?

    func path(_ environment: Environment) -> String {
        folder.map { environment.absolute($0) } ?? environment.cacheFolder.value
    }

    func shelf(_ environment: Environment) -> PrefixShelf { PrefixShelf(folder: path(environment)) }
}

/// A prefix as people have it: a file that prompts begin with, or a system message.
struct PrefixText: ParsableArguments {
    @Option(help: "A text that prompts of completions begin with; - reads standard input.", completion: .file())
    var file: String?

    @Option(help: "A file with the system message that chats begin with.", completion: .file())
    var system: String?

    @Option(help: "The cache_salt of the requests that are to find it.")
    var cacheSalt: String?

    /// The tokens that every such prompt begins with.
    func tokens(_ encode: (PromptSource, Bool) async throws -> [TokenID]) async throws -> [TokenID] {
        guard (file == nil) != (system == nil) else { throw ValidationError("Give --file or --system.") }
        if let file { return try await encode(.text(Self.read(file)), true) }
        let message = try Self.read(system ?? "-")
        // What the template writes for every first question is what two different ones have in common.
        var prompts: [[TokenID]] = []
        for question in ["A", "1"] {
            let messages: [JSONValue] = [
                ["role": "system", "content": .string(message)], ["role": "user", "content": .string(question)],
            ]
            prompts.append(try await encode(.chat(ChatPrompt(messages: messages)), false))
        }
        return zip(prompts[0], prompts[1]).prefix { $0 == $1 }.map(\.0)
    }

    private static func read(_ file: String) throws -> String {
        guard let text = String(validating: try TextInput.read(file: file), as: UTF8.self) else {
            throw InputError.notText(path: file)
        }
        return text
    }
}

extension DiskInstant {
    /// The same moment as calendars know it.
    var date: Date { Date(timeIntervalSince1970: Double(rawValue) / 1e9) }
}
