import ArgumentParser
import Checkpoints
import Deployments
import Foundation
import JSON
import Models

/// `hearth adapters`: variants that are served whenever their model is.
struct Adapters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapters",
        abstract: "Keeps LoRA adapters that are served beside their model.",
        discussion: """
            Adapters are copied into the store. A server that runs the model takes changes within seconds, without a pause.

            Examples:

              hearth adapters add pirate ./pirate --base smollm2-135m
              hearth adapters list
              hearth adapters remove pirate --base smollm2-135m
              hearth adapters merge pirate --base smollm2-135m --output pirate.gguf
            """,
        subcommands: [Add.self, Show.self, List.self, Remove.self, Merge.self],
        defaultSubcommand: List.self
    )
}

/// The model that adapters change.
struct AdapterBaseOption: ParsableArguments {
    @Option(
        name: .customLong("base"),
        help: "The model that it changes, as `hearth serve` takes it.",
        completion: .models
    )
    var model: String

    func folder(_ access: ModelAccess) throws -> AdapterFolder {
        AdapterFolder(store: access.library.store, model: try ModelAccess.reference(model).servedName)
    }
}

extension Adapters {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copies an adapter into the store, if it fits its model."
        )

        @Argument(help: "What requests call it, behind the model's name and a colon.")
        var name: String

        @Argument(help: "A PEFT folder or a GGUF file.", completion: .file())
        var path: String

        @OptionGroup var base: AdapterBaseOption

        func run() async throws {
            let environment = Environment()
            let access = try ModelAccess(environment)
            let model = try await access.model(base.model)
            let folder = AdapterFolder(store: access.library.store, model: model.servedName)
            let reference = AdapterReference(name: name, path: environment.absolute(path))
            try folder.add(reference, for: AdapterBase(Checkpoint.open(path: model.path)))
            Output.line("added \(model.servedName):\(name)")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes an adapter from the store.",
            discussion: "Requests that use it are answered.",
            aliases: ["rm"]
        )

        @Argument(help: "Its name, without the model's.")
        var name: String

        @OptionGroup var base: AdapterBaseOption

        func run() async throws {
            try base.folder(ModelAccess()).remove(name)
            Output.line("removed \(name)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the adapters in the store.")

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let store = try ModelAccess().library.store
            let adapters = try AdapterReport.all(in: store)
            if json {
                return Output.line(JSONValue.array(adapters.map(\.json)).serialized(.pretty()))
            }
            if adapters.isEmpty {
                return Output.note("No adapters yet. `hearth adapters add NAME PATH --base MODEL` brings the first.")
            }
            let rows = adapters.map { ["\($0.model):\($0.name)", $0.ranks, $0.bytes.description, $0.problem ?? ""] }
            Output.line(Table(rows: [["NAME", "RANK", "SIZE", "PROBLEM"]] + rows).text)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one adapter: its ranks, weights and files.")

        @Argument(help: "Its name, without the model's.")
        var name: String

        @OptionGroup var base: AdapterBaseOption

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let folder = try base.folder(ModelAccess())
            guard let reference = folder.references.first(where: { $0.name == name }) else {
                throw AdapterError.unusable(reason: "There is no adapter called '\(name)' in \(folder.path).")
            }
            let report = AdapterReport(reference, model: try ModelAccess.reference(base.model).servedName)
            if json { return Output.line(report.json.serialized(.pretty())) }
            let rows = [
                ["name", "\(report.model):\(report.name)"], ["path", report.path], ["format", report.format],
                ["rank", report.ranks], ["weights", "\(report.weightCount)"], ["size", report.bytes.description],
                ["problem", report.problem ?? "none"],
            ]
            Output.line(Table(rows: rows).text)
        }
    }
}

/// What there is to tell of an adapter in the store.
private struct AdapterReport {
    let model: String
    let name: String
    let path: String
    var format = "–"
    var ranks = "–"
    var weightCount = 0
    var bytes = ByteCount(0)
    /// Why it cannot be read; nil where it can.
    var problem: String?

    init(_ reference: AdapterReference, model: String) {
        self.model = model
        name = reference.name
        path = reference.path
        do {
            let checkpoint = try AdapterCheckpoint(path: reference.path)
            let found = Set(checkpoint.factors.map(\.rank)).sorted()
            ranks = found.map { "\($0)" }.joined(separator: ", ")
            format = checkpoint.format.rawValue
            if found.isEmpty { ranks = "–" }
            weightCount = checkpoint.factors.count + checkpoint.saved.count
            let attributes = try? FileManager.default.attributesOfItem(atPath: checkpoint.tensorPath)
            bytes = ByteCount(attributes?[.size] as? Int ?? 0)
        } catch {
            problem = error.description
        }
    }

    /// Those of all models.
    static func all(in store: ModelStore) throws -> [AdapterReport] {
        let root = store.root + "/adapters"
        let models = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return models.sorted().flatMap { model in
            AdapterFolder(path: "\(root)/\(model)").references.map { AdapterReport($0, model: model) }
        }
    }

    var json: JSONValue {
        [
            "name": .string(name), "base": .string(model), "path": .string(path), "format": .string(format),
            "rank": .string(ranks), "weights": .integer(Int64(weightCount)),
            "problem": problem.map { .string($0) } ?? .null,
        ]
    }
}
