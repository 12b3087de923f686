import ArgumentParser
import Deployments
import JSON

/// `hearth pull`: brings models here.
struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings models to this machine.",
        discussion: """
            Examples:

              hearth pull smollm2-135m
              hearth pull hf:owner/repository            Hearth chooses the files
              hearth pull hf:owner/repository:Q4_K_M     one quantisation
              hearth pull hf:owner/repository@v1:a.gguf  one file of one revision

            An interrupted pull goes on where it stopped; nothing half is ever taken for whole. HF_TOKEN opens \
            private and gated repositories, HF_ENDPOINT names another hub.
            """
    )

    @Argument(help: .model, completion: .models)
    var models: [String] = []

    @Flag(help: "Ask the source again even when the model is here, and take what changed.")
    var refresh = false

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    @Flag(help: "Print what was pulled as JSON.")
    var json = false

    func validate() throws {
        if models.isEmpty {
            throw ValidationError("Name a model, for instance `hearth pull \(Catalogue.defaultName)`.")
        }
    }

    func run() async throws {
        let access = try ModelAccess()
        var pulled: [JSONValue] = []
        for text in models {
            let reference = try ModelAccess.reference(text)
            let model = try await access.pull(reference, refreshes: refresh, isQuiet: quiet)
            pulled.append(["name": .string(text), "path": .string(model.path)])
        }
        if json { Output.line(JSONValue.array(pulled).serialized()) }
    }
}
