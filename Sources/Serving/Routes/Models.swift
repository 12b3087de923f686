import Deployments
import Foundation
import Hummingbird
import OpenAIAPI

extension APIService {
    /// `GET /v1/models`: every name that requests may use.
    func models() -> Response {
        let cards = directory.deployments.flatMap { deployment in
            ([deployment.name] + deployment.aliases).map { deployment.card(id: $0) }
        }
        return .json(ModelList(models: cards).json)
    }

    /// `GET /v1/models/{name}`
    func model(_ name: String) throws(APIError) -> Response {
        .json(try directory.find(name).card(id: name).json)
    }
}

extension Deployment {
    fileprivate func card(id: String) -> ModelCard {
        ModelCard(id: id, created: Int(created.timeIntervalSince1970), contextLength: contextLength)
    }
}
