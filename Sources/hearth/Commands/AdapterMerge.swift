import ArgumentParser
import Checkpoints
import Deployments
import Foundation
import Models
import Tensors

extension Adapters {
    struct Merge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a model with an adapter folded into its weights.",
            discussion: """
                The result is a model of its own, which costs what the base costs and takes adapters itself. Its tensors keep \
                the types that they have, rounded again after the change; those that cannot be written (Q2_K to Q6_K, IQ4_NL, \
                MXFP4) become Q8_0. `hearth serve --merge-adapter` does the same at the start of a server.

                Examples:

                  hearth adapters merge pirate --base smollm2-135m --output pirate.gguf
                  hearth adapters merge ./pirate-lora --base ./llama-folder --output ./llama-pirate
                """
        )

        @Argument(help: "Its name in the store, without the model's; or a PEFT folder or a GGUF file.")
        var name: String

        @OptionGroup var base: AdapterBaseOption

        @Option(
            name: .shortAndLong,
            help:
                "What to write: a GGUF file for a model in one, a folder for a model in one. It must not be there yet.",
            completion: .file()
        )
        var output: String

        @Flag(help: "Keep the weights that change in 8 bits where they have fewer: larger, and truer.")
        var precise = false

        @OptionGroup var compute: ComputeOptions

        func validate() throws {
            if compute.weightType != nil {
                throw ValidationError("The result keeps its types. Give --weight-type where it is served.")
            }
        }

        func run() async throws {
            let environment = Environment()
            let access = try ModelAccess(environment)
            let model = try await access.model(base.model)
            let reference = try reference(in: base.folder(access), environment)
            let workers = WorkerPool(threadCount: try compute.threadCount(environment).value)
            let merged = try MergedCheckpoint(
                reference,
                into: Checkpoint.open(path: model.path),
                isPrecise: precise,
                on: workers
            )
            let path = environment.absolute(output)
            try await Self.write(merged.checkpoint, to: path)
            Output.line("wrote \(path): \(model.servedName) with \(reference.name) in it")
            Output.note(Self.summary(of: merged))
        }

        private func reference(in folder: AdapterFolder, _ environment: Environment) throws -> AdapterReference {
            let path = try ActiveAdapters.path(of: name, in: folder, environment)
            return AdapterReference(name: (name as NSString).lastPathComponent, path: path)
        }

        /// Writes the model. An interrupt ends it in good order.
        private static func write(_ checkpoint: Checkpoint, to path: String) async throws {
            do {
                try await Interrupts.cancelling {
                    do {
                        try CheckpointWriter(checkpoint).write(to: path)
                    } catch {
                        if Task.isCancelled { throw CancellationError() }
                        throw error
                    }
                }
            } catch is CancellationError {
                Output.note("Interrupted; nothing was written.")
                throw ExitCode(130)
            }
        }

        /// How many weights changed, and which types for others.
        static func summary(of merged: MergedCheckpoint) -> String {
            let count = merged.changes.count
            let retyped = merged.changes.filter { $0.old != nil && $0.old != $0.new }
            let types = Set(retyped.compactMap { $0.old?.name }).sorted().joined(separator: ", ")
            let others = retyped.isEmpty ? "" : "; \(retyped.count) of them are Q8_0 now instead of \(types)"
            return "\(count) weights changed\(others)."
        }
    }
}
