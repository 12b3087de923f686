import Deployments
import Foundation
import Hummingbird
import OpenAIAPI

extension APIService {
    /// `GET /v1/models`: every name that requests may use.
    func models() -> Response { .json(ModelList(models: directory.cards).json) }

    /// `GET /v1/models/{name}`
    func model(_ name: String) throws(APIError) -> Response {
        if let card = directory.cards.first(where: { $0.id == name }) { return .json(card.json) }
        return .json(try directory.find(name).card(id: name).json)
    }
}

extension DeploymentDirectory {
    /// One card for every name.
    fileprivate var cards: [ModelCard] {
        deployments.flatMap { deployment in
            ([deployment.name] + deployment.aliases).map { deployment.card(id: $0) }
        }
            + embedders.flatMap { embedder in
                ([embedder.name] + embedder.aliases).map { embedder.card(id: $0) }
            }
    }
}

extension EmbeddingDeployment {
    fileprivate func card(id: String) -> ModelCard {
        ModelCard(id: id, created: Int(created.timeIntervalSince1970), contextLength: contextLength)
    }
}

extension Deployment {
    fileprivate func card(id: String) -> ModelCard {
        ModelCard(id: id, created: Int(created.timeIntervalSince1970), contextLength: contextLength)
    }
}
