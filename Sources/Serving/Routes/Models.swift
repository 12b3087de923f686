import AnthropicAPI
import Deployments
import Foundation
import Hummingbird
import JSON
import OpenAIAPI

extension APIService {
    /// `GET /v1/models`: every name that requests may use.
    func models(_ exchange: Exchange) -> Response {
        let cards = directory.models.flatMap { model in
            (model.names + model.variantNames).map { (id: $0, model: model) }
        }
        switch exchange.surface {
        case .anthropic:
            return .json(MessagesModelList(models: cards.map { $0.model.messagesModel(id: $0.id) }).json)
        case .openAI, .ollama:
            return .json(ModelList(models: cards.map { $0.model.card(id: $0.id) }).json)
        }
    }

    /// `GET /v1/models/{name}`
    func model(_ name: String, _ exchange: Exchange) throws(APIError) -> Response {
        let model = try directory.findModel(name)
        switch exchange.surface {
        case .anthropic: return .json(model.messagesModel(id: name).json)
        case .openAI, .ollama: return .json(model.card(id: name).json)
        }
    }
}

extension LoadedModel {
    fileprivate func card(id: String) -> ModelCard {
        var card = ModelCard(id: id, created: Int(created.timeIntervalSince1970), contextLength: contextLength)
        if hasVariant(id) { card.parent = names.first }
        return card
    }

    fileprivate func messagesModel(id: String) -> MessagesModel {
        MessagesModel(id: id, created: created, contextLength: contextLength)
    }
}
