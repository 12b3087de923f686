import ArgumentParser
import Deployments
import Foundation

/// The store and the ways into it, as environment variables set them.
struct ModelAccess {
    let library: ModelLibrary

    init(_ environment: Environment = Environment()) throws {
        let hub = try HubConfiguration(
            endpoint: environment["HF_ENDPOINT"] ?? HubConfiguration.defaultEndpoint,
            token: environment.hubToken
        )
        library = ModelLibrary(store: ModelStore(root: environment.home.value), hub: hub)
    }

    /// The reference of `text`: one of the catalogue, the hub or a path, or the name of a file or folder right here.
    static func reference(_ text: String) throws -> ModelReference {
        // A shell replaces a tilde that is neither quoted nor in a unit file; the others are ours.
        let text = text.hasPrefix("~") ? Environment().absolute(text) : text
        do {
            return try ModelReference(parsing: text)
        } catch {
            if case .nameUnknown = error, FileManager.default.fileExists(atPath: text) { return .path(text) }
            throw error
        }
    }

    /// The model of `text`, pulled with a progress display when it is not here.
    func model(_ text: String) async throws -> LocatedModel {
        let reference = try Self.reference(text)
        if let here = try library.find(reference) { return here }
        return try await pull(reference, refreshes: false, isQuiet: false)
    }

    /// Brings a model here. An interrupt ends it in good order.
    func pull(_ reference: ModelReference, refreshes: Bool, isQuiet: Bool) async throws -> LocatedModel {
        let display = PullDisplay(title: reference.storedName ?? reference.servedName, isQuiet: isQuiet)
        do {
            let model = try await Interrupts.cancelling {
                try await library.pull(reference, refreshes: refreshes, report: display.report)
            }
            display.finish(model)
            return model
        } catch PullError.store(.cancelled) {
            display.clear()
            Output.note(StoreError.cancelled.description)
            throw ExitCode(130)
        } catch {
            display.clear()
            throw error
        }
    }

    /// Names to offer where a model is typed: what is here and what the catalogue knows.
    static func completions() -> [String] {
        let stored = (try? ModelAccess().library.store.models().map(\.name)) ?? []
        return Set(stored + Catalogue.entries.map(\.name)).sorted()
    }
}

/// The model argument with its help and completion.
extension ArgumentHelp {
    static let model = ArgumentHelp(
        "A catalogue name, hf:owner/repository[:Q4_K_M], or a path.",
        valueName: "model"
    )
}

extension CompletionKind {
    /// Models of the store and the catalogue.
    static let models = CompletionKind.custom { _, _, _ in ModelAccess.completions() }
}
