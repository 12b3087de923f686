import ArgumentParser
import Deployments
import Inference

/// How tokens are guessed: flags of the commands that answer.
struct SpeculationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How tokens are guessed ahead: lookup (in the prompt and the answer), off, or a smaller model with the same \
            tokens. Answers stay the same (HEARTH_SPECULATION; lookup).
            """,
            valueName: "lookup|off|model"
        ),
        completion: .models
    )
    var speculation: String?

    @Option(help: "Most tokens guessed for an answer in one step, 1 to 64 (HEARTH_DRAFT_TOKENS; 16).")
    var draftTokens: Int?

    /// `lookup`, `off` or a model as typed.
    func method(_ environment: Environment) -> Setting<String> {
        Setting(
            flag: ("--speculation", speculation),
            variable: ("HEARTH_SPECULATION", environment["HEARTH_SPECULATION"]),
            default: "lookup"
        )
    }

    /// Sets how `configuration` guesses; a draft model that is not here is pulled.
    func apply(
        to configuration: inout DeploymentConfiguration,
        _ environment: Environment,
        _ access: ModelAccess
    ) async throws {
        configuration.draftLimit =
            try draftTokens ?? environment.integer("HEARTH_DRAFT_TOKENS") ?? EngineConfiguration.standardDraftLimit
        switch method(environment).value {
        case "off": configuration.speculation = .off
        case "lookup": configuration.speculation = .lookup
        case let text:
            let model = try await access.model(text)
            configuration.speculation = .draftModel(path: model.path, stored: model.stored)
        }
    }
}
