package import Deployments
import OpenAIAPI
import Synchronization

/// The deployments that requests can name. The server may listen before the first one is loaded.
package final class DeploymentDirectory: Sendable {
    private struct State {
        var deployments: [Deployment] = []
        var isLoading: Bool
    }

    private let state: Mutex<State>

    /// - Parameter isLoading: true when deployments are still to be added; requests then get 503 until `finishLoading`.
    package init(_ deployments: [Deployment] = [], isLoading: Bool = false) {
        state = Mutex(State(deployments: deployments, isLoading: isLoading))
    }

    /// Adds a deployment; its name and aliases must be new.
    package func add(_ deployment: Deployment) {
        state.withLock { $0.deployments.append(deployment) }
    }

    /// Tells that every deployment is there.
    package func finishLoading() {
        state.withLock { $0.isLoading = false }
    }

    /// Whether all models are loaded.
    package var isReady: Bool { state.withLock { !$0.isLoading && !$0.deployments.isEmpty } }

    /// All deployments, in the order they were added.
    package var deployments: [Deployment] { state.withLock { $0.deployments } }

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
        throw .modelNotFound(name, known: deployments.map(\.name))
    }
}
