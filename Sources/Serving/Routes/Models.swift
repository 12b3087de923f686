import Deployments
import Foundation
import Hummingbird
import OpenAIAPI

extension APIService {
    /// `GET /v1/models`: every name that requests may use.
    func models() -> Response {
        let cards = directory.models.flatMap { model in model.names.map { model.card(id: $0) } }
        return .json(ModelList(models: cards).json)
    }

    /// `GET /v1/models/{name}`
    func model(_ name: String) throws(APIError) -> Response {
        .json(try directory.findModel(name).card(id: name).json)
    }
}

extension LoadedModel {
    fileprivate func card(id: String) -> ModelCard {
        ModelCard(id: id, created: Int(created.timeIntervalSince1970), contextLength: contextLength)
    }
}
