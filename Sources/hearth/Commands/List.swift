import ArgumentParser
import Deployments
import Foundation
import JSON

/// `hearth list`: what is here.
struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the models on this machine, or those Hearth knows by name.",
        discussion: """
            Examples:

              hearth list                 models in the store
              hearth list --catalogue     models that can be pulled by name
              hearth list --json          for scripts
            """
    )

    @Flag(help: "List the built-in catalogue.")
    var catalogue = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let store = try ModelAccess().library.store
        let inventory = try store.inventory()
        let models = inventory.models
        for fault in inventory.faults { Output.note(fault.description) }
        if catalogue {
            let here = Set(models.map(\.name))
            json ? printCatalogueJSON(here) : printCatalogue(here)
        } else {
            json ? printModelsJSON(models) : printModels(models, root: store.root)
        }
    }

    private func printModels(_ models: [StoredModel], root: String) {
        if models.isEmpty {
            Output.note("No models in \(root) yet. `hearth pull \(Catalogue.defaultName)` brings the first.")
            return
        }
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withFullDate]
        let rows = models.map { model in
            let manifest = model.manifest
            return [
                model.name, ByteCount(manifest.byteCount).description, formatter.string(from: manifest.created),
                manifest.licence ?? "–",
            ]
        }
        Output.line(Table(rows: [["NAME", "SIZE", "PULLED", "LICENCE"]] + rows).text)
    }

    private func printModelsJSON(_ models: [StoredModel]) {
        Output.line(JSONValue.array(models.map(ModelReport.json)).serialized(.pretty()))
    }

    private func printCatalogue(_ here: Set<String>) {
        let rows = Catalogue.entries.map { entry in
            [
                entry.name, ByteCount(entry.byteCount).description, entry.licence,
                here.contains(entry.name) ? "yes" : "no", entry.summary,
            ]
        }
        Output.line(Table(rows: [["NAME", "SIZE", "LICENCE", "HERE", "WHAT IT IS"]] + rows).text)
    }

    private func printCatalogueJSON(_ here: Set<String>) {
        let entries = Catalogue.entries.map { entry -> JSONValue in
            [
                "name": .string(entry.name),
                "summary": .string(entry.summary),
                "size": .integer(Int64(entry.byteCount)),
                "licence": .string(entry.licence),
                "files": .array(
                    entry.files.map { file in
                        [
                            "path": .string(file.path),
                            "size": .integer(Int64(file.byteCount)),
                            "sha256": .string(file.hash),
                        ]
                    }
                ),
                "here": .bool(here.contains(entry.name)),
            ]
        }
        Output.line(JSONValue.array(entries).serialized(.pretty()))
    }
}
