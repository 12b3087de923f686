import ArgumentParser
import Deployments
import JSON
import Models
import Tensors

/// `hearth pack`: what the first start would do, done before.
struct Pack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keeps a model's packed weights on the disk, so that it starts at once.",
        discussion: """
            The first start of a model does this too. A pack that is there and whole is kept; one that is damaged \
            or of another version is made anew.

            Examples:

              hearth pack smollm2-135m
              hearth pack ./model.gguf --check     reads the pack and says whether it is whole; changes nothing
              hearth pack ./folder --weight-type q8_0    the pack of float weights in 8 bits, which is another
            """
    )

    @Argument(help: .model, completion: .models)
    var models: [String]

    @Flag(help: "Only check the packs. The exit code is 1 when one is missing, out of date or damaged.")
    var check = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var compute: ComputeOptions

    func run() async throws {
        let environment = Environment()
        let access = try ModelAccess(environment)
        var lines: [JSONValue] = []
        var isWhole = true
        for text in models {
            let located = try await access.model(text)
            let result = try result(of: located, environment)
            isWhole = isWhole && result.problem == nil
            lines.append([
                "name": .string(located.servedName), "path": .string(result.path),
                "size": result.byteCount.map { .integer(Int64($0)) } ?? .null,
                "problem": result.problem.map { .string($0) } ?? .null,
            ])
            if !json { Output.line("\(located.servedName): \(result.sentence)") }
        }
        if json { Output.line(JSONValue.array(lines).serialized()) }
        if !isWhole { throw ExitCode(1) }
    }

    /// What there is now.
    private struct PackResult {
        var path: String
        var byteCount: Int?
        var problem: String?

        var sentence: String {
            problem ?? "\(ByteCount(byteCount ?? 0)) of packed weights, whole, in \(path)"
        }
    }

    private func result(of model: LocatedModel, _ environment: Environment) throws -> PackResult {
        let checkpoint = try Deployment.openCheckpoint(model.path)
        let store = PackStore(home: environment.home.value)
        var configuration = try compute.configuration(for: model, environment)
        configuration.packs = PackSetting(store: store, stored: model.stored)
        let workers = WorkerPool(threadCount: configuration.threadCount)
        let served = try ServedCheckpoint(checkpoint, configuration, on: workers)
        let identity = try served.packIdentity(stored: model.stored)
        if !check { _ = try Deployment.loadDecoder(served, configuration, workers: workers) }
        let path = store.path(of: identity)
        do throws(PackError) {
            let pack = try PackFile(path: path, digest: identity.digest)
            try pack.verify(on: workers)
            return PackResult(path: path, byteCount: pack.byteCount)
        } catch {
            return PackResult(path: path, problem: error.description)
        }
    }
}
