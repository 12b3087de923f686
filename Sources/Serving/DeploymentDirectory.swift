package import Deployments
import OpenAIAPI
import Synchronization

/// The models that requests can name. The server may listen before the first one is loaded.
package final class DeploymentDirectory: Sendable {
    fileprivate struct State {
        var models: [LoadedModel] = []
        var isLoading: Bool
    }

    private let state: Mutex<State>

    /// - Parameter isLoading: true when models are still to be added; requests then get 503 until `finishLoading`.
    package init(
        _ deployments: [Deployment] = [],
        embedders: [EmbeddingDeployment] = [],
        isLoading: Bool = false
    ) {
        let models = deployments.map { LoadedModel.text($0) } + embedders.map { LoadedModel.embedding($0) }
        state = Mutex(State(models: models, isLoading: isLoading))
    }

    /// Adds a deployment; its name and aliases must be new.
    package func add(_ deployment: Deployment) { add(.text(deployment)) }

    /// Adds what was loaded; its name and aliases must be new.
    package func add(_ model: LoadedModel) {
        state.withLock { $0.models.append(model) }
    }

    /// Tells that every model is there.
    package func finishLoading() {
        state.withLock { $0.isLoading = false }
    }

    /// Whether all models are loaded.
    package var isReady: Bool { state.withLock { !$0.isLoading && !$0.models.isEmpty } }

    /// All models, in the order they were added.
    package var models: [LoadedModel] { state.withLock { $0.models } }

    /// All models that write, in the order they were added.
    package var deployments: [Deployment] { state.withLock { $0.deployments } }

    /// All models that turn texts into vectors, in the order they were added.
    package var embedders: [EmbeddingDeployment] { state.withLock { $0.embedders } }

    /// The deployment called `name`; without a name, the only one there is.
    func find(_ name: String?) throws(APIError) -> Deployment {
        switch try findModel(name) {
        case .text(let deployment): return deployment
        case .embedding(let model):
            let (purpose, route) =
                model.isCrossEncoder ? ("scores pairs of texts", "/v1/rerank") : ("makes embeddings", "/v1/embeddings")
            throw .wrongModel("The model '\(model.name)' \(purpose) and writes no text. Use \(route).")
        }
    }

    /// The embedding model called `name`.
    func findEmbedder(_ name: String) throws(APIError) -> EmbeddingDeployment {
        let model = try findScorer(name)
        guard model.isCrossEncoder else { return model }
        throw .wrongModel("The model '\(name)' scores pairs of texts and makes no embeddings. Use /v1/rerank.")
    }

    /// The model called `name` that can say how alike texts are: a cross-encoder, or one that makes embeddings.
    func findScorer(_ name: String) throws(APIError) -> EmbeddingDeployment {
        switch try findModel(name) {
        case .embedding(let embedder): return embedder
        case .text:
            throw .wrongModel(
                "The model '\(name)' writes text and makes no embeddings here. "
                    + "Start the server with --embed to serve a model for embeddings."
            )
        }
    }

    /// The model called `name`, whatever it does. Without a name, the only one that writes; where none does, the only one.
    func findModel(_ name: String?) throws(APIError) -> LoadedModel {
        let state = state.withLock { $0 }
        guard let name else {
            if state.deployments.count == 1 { return .text(state.deployments[0]) }
            if state.isLoading { throw .modelLoading }
            if state.models.count == 1 { return state.models[0] }
            throw .missing("model")
        }
        if let found = state.models.first(where: { $0.names.contains(name) }) { return found }
        let owners = state.models.filter { $0.hasVariant(name) }
        if owners.count == 1 { return owners[0] }
        if owners.count > 1 { throw .ambiguousAdapter(name, of: owners.compactMap(\.names.first)) }
        if state.isLoading { throw .modelLoading }
        throw .modelNotFound(name, known: state.models.compactMap(\.names.first))
    }
}

extension DeploymentDirectory.State {
    fileprivate var deployments: [Deployment] {
        models.compactMap { if case .text(let deployment) = $0 { deployment } else { nil } }
    }

    fileprivate var embedders: [EmbeddingDeployment] {
        models.compactMap { if case .embedding(let embedder) = $0 { embedder } else { nil } }
    }
}
