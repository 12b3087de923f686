import ArgumentParser
import Foundation

/// The program: a command line whose verbs are in `Commands/`.
@main
struct HearthCommand: AsyncParsableCommand {
    /// What `--version` prints.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "hearth",
        abstract: "Serves open-source language models on machines you own.",
        discussion: """
            Start here:

              hearth serve smollm2-135m          a server on http://127.0.0.1:8080
              hearth run smollm2-135m            a chat in this terminal
              hearth run smollm2-135m "Hello!"   one answer

            A model is a name of the catalogue (smollm2-135m), a repository of the Hugging Face hub \
            (hf:owner/repository, hf:owner/repository:Q4_K_M), or a path (./model.gguf, ./folder). What is not \
            on this machine yet is pulled first.

            A flag wins over an environment variable (HEARTH_HOST, HEARTH_PORT, HEARTH_THREADS, HEARTH_ISA, \
            HEARTH_HOME, …), which wins over the default. Exit codes: 0 done, 1 failed, 64 wrong usage, \
            130 interrupted, 141 the output's reader went away.
            """,
        version: version,
        subcommands: [
            Serve.self, Run.self, Pull.self, List.self, Show.self, Remove.self, Pack.self, Tokenize.self, Bench.self,
            PerplexityCommand.self, Cache.self, Adapters.self,
        ]
    )

    static func main() async {
        // A reader that goes away must not kill a server; `Output` ends the other commands itself.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}
