import ArgumentParser
import Deployments
import JSON

/// `hearth remove`: frees disk space.
struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes models from the store.",
        discussion: """
            Files that another model uses stay. A server that runs the model keeps running.

            Example:

              hearth remove smollm2-135m
            """,
        aliases: ["rm"]
    )

    @Argument(help: "Names as `hearth list` shows them.", completion: .models)
    var models: [String]

    @Flag(help: "Print what was freed as JSON.")
    var json = false

    func run() async throws {
        let store = try ModelAccess().library.store
        var freed: [JSONValue] = []
        for name in models {
            let removal = try await store.remove(named: name)
            let bytes = removal.freedBytes
            freed.append(["name": .string(name), "freed_bytes": .integer(Int64(bytes))])
            if !json { Output.line("removed \(name), \(ByteCount(bytes)) freed") }
            for fault in removal.faults {
                Output.note("Its files were kept, because another model may use them: \(fault.description)")
            }
        }
        if json { Output.line(JSONValue.array(freed).serialized()) }
    }
}
