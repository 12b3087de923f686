import ArgumentParser
import Tensors

/// How the factors of adapters are kept.
struct AdapterTypeOption: ParsableArguments {
    @Option(
        name: .customLong("adapter-type"),
        help: ArgumentHelp(
            "How the factors of adapters are kept: int5, int6 with half the error, or exact, which takes up to three times the "
                + "memory, and longer (HEARTH_ADAPTER_TYPE; int5).",
            valueName: "type"
        )
    )
    var type: String?

    /// What was asked for; nil for the default.
    func precision(_ environment: Environment) throws -> FactorPrecision? {
        guard let wanted = type ?? environment["HEARTH_ADAPTER_TYPE"] else { return nil }
        if let precision = FactorPrecision(rawValue: wanted.lowercased()) { return precision }
        let known = FactorPrecision.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("There is no adapter type \"\(wanted)\". Factors are kept as \(known).")
    }
}
