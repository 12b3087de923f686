package import Deployments
import OpenAIAPI
import Synchronization

/// The deployments that requests can name. The server may listen before the first one is loaded.
package final class DeploymentDirectory: Sendable {
    private struct State {
        var deployments: [Deployment] = []
        var embedders: [EmbeddingDeployment] = []
        var isLoading: Bool
    }

    private let state: Mutex<State>

    /// - Parameter isLoading: true when deployments are still to be added; requests then get 503 until `finishLoading`.
    package init(
        _ deployments: [Deployment] = [],
        embedders: [EmbeddingDeployment] = [],
        isLoading: Bool = false
    ) {
        state = Mutex(State(deployments: deployments, embedders: embedders, isLoading: isLoading))
    }

    /// Adds a deployment; its name and aliases must be new.
    package func add(_ deployment: Deployment) {
        state.withLock { $0.deployments.append(deployment) }
    }

    /// Adds what was loaded; its name and aliases must be new.
    package func add(_ model: LoadedModel) {
        switch model {
        case .text(let deployment): add(deployment)
        case .embedding(let embedder): state.withLock { $0.embedders.append(embedder) }
        }
    }

    /// Tells that every deployment is there.
    package func finishLoading() {
        state.withLock { $0.isLoading = false }
    }

    /// Whether all models are loaded.
    package var isReady: Bool { state.withLock { !$0.isLoading && !($0.deployments.isEmpty && $0.embedders.isEmpty) } }

    /// All deployments, in the order they were added.
    package var deployments: [Deployment] { state.withLock { $0.deployments } }

    /// All models that turn texts into vectors, in the order they were added.
    package var embedders: [EmbeddingDeployment] { state.withLock { $0.embedders } }

    /// The embedding model called `name`.
    func findEmbedder(_ name: String) throws(APIError) -> EmbeddingDeployment {
        let state = state.withLock { $0 }
        if let found = state.embedders.first(where: { $0.name == name || $0.aliases.contains(name) }) { return found }
        if state.isLoading { throw .modelLoading }
        if state.deployments.contains(where: { $0.name == name || $0.aliases.contains(name) }) {
            throw .wrongModel(
                "The model '\(name)' writes text and makes no embeddings here. "
                    + "Start the server with --embed to serve a model for embeddings."
            )
        }
        throw .modelNotFound(name, known: state.embedders.map(\.name))
    }

    /// The deployment called `name`; without a name, the only one there is.
    func find(_ name: String?) throws(APIError) -> Deployment {
        let (deployments, isLoading) = state.withLock { ($0.deployments, $0.isLoading) }
        guard let name else {
            if deployments.count == 1 { return deployments[0] }
            if isLoading { throw .modelLoading }
            throw .missing("model")
        }
        if let found = deployments.first(where: { $0.name == name || $0.aliases.contains(name) }) { return found }
        if isLoading { throw .modelLoading }
        if embedders.contains(where: { $0.name == name || $0.aliases.contains(name) }) {
            throw .wrongModel("The model '\(name)' makes embeddings and writes no text. Use /v1/embeddings.")
        }
        throw .modelNotFound(name, known: deployments.map(\.name))
    }
}
