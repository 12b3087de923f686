package import JSON

/// One event of a streamed response.
package enum ModelResponseEvent: Sendable, Equatable {
    /// Where in the response something happens.
    package struct Place: Sendable, Equatable {
        package var itemID: String
        package var outputIndex: Int

        package init(itemID: String, outputIndex: Int) {
            self.itemID = itemID
            self.outputIndex = outputIndex
        }
    }

    /// What stands in an item's first and only part.
    package enum PartKind: Sendable, Equatable {
        case text, reasoning
    }

    case created(ModelResponse)
    case inProgress(ModelResponse)
    case itemAdded(ResponseItem, outputIndex: Int)
    case partAdded(PartKind, Place)
    case partDelta(PartKind, String, logprobs: [WireLogprob], Place)
    /// The whole text of a part; the part itself comes with `partDone`.
    case textDone(PartKind, ResponseItem.Part, Place)
    case partDone(PartKind, ResponseItem.Part, Place)
    case argumentsDelta(String, Place)
    case argumentsDone(name: String, arguments: String, Place)
    case itemDone(ResponseItem, outputIndex: Int)
    /// The last event: the response is completed, incomplete or failed.
    case ended(ModelResponse)

    /// The event's name.
    package var type: String {
        switch self {
        case .created: "response.created"
        case .inProgress: "response.in_progress"
        case .itemAdded: "response.output_item.added"
        case .partAdded: "response.content_part.added"
        case .partDelta(.text, _, _, _): "response.output_text.delta"
        case .partDelta(.reasoning, _, _, _): "response.reasoning_text.delta"
        case .textDone(.text, _, _): "response.output_text.done"
        case .textDone(.reasoning, _, _): "response.reasoning_text.done"
        case .partDone: "response.content_part.done"
        case .argumentsDelta: "response.function_call_arguments.delta"
        case .argumentsDone: "response.function_call_arguments.done"
        case .itemDone: "response.output_item.done"
        case .ended(let response): "response.\(response.status.rawValue)"
        }
    }

    /// - Parameter sequence: the event's number in its stream, from 0.
    package func json(sequence: Int) -> JSONValue {
        var object: JSONObject = ["type": .string(type), "sequence_number": .integer(Int64(sequence))]
        switch self {
        case .created(let response), .inProgress(let response), .ended(let response):
            object["response"] = response.json
        case .itemAdded(let item, let index), .itemDone(let item, let index):
            object["output_index"] = .integer(Int64(index))
            object["item"] = item.json
        case .partAdded(let kind, let place):
            object.set(place, hasParts: true)
            object["part"] = kind.json(ResponseItem.Part(""))
        case .partDelta(let kind, let delta, let logprobs, let place):
            object.set(place, hasParts: true)
            object["delta"] = .string(delta)
            if kind == .text { object["logprobs"] = .array(logprobs.map(\.chatJSON)) }
        case .textDone(let kind, let part, let place):
            object.set(place, hasParts: true)
            object["text"] = .string(part.text)
            if kind == .text { object["logprobs"] = .array(part.logprobs.map(\.chatJSON)) }
        case .partDone(let kind, let part, let place):
            object.set(place, hasParts: true)
            object["part"] = kind.json(part)
        case .argumentsDelta(let delta, let place):
            object.set(place, hasParts: false)
            object["delta"] = .string(delta)
        case .argumentsDone(let name, let arguments, let place):
            object.set(place, hasParts: false)
            object["name"] = .string(name)
            object["arguments"] = .string(arguments)
        }
        return .object(object)
    }
}

extension ModelResponseEvent.PartKind {
    fileprivate func json(_ part: ResponseItem.Part) -> JSONValue {
        self == .text ? part.outputJSON : part.reasoningJSON
    }
}

extension JSONObject {
    fileprivate mutating func set(_ place: ModelResponseEvent.Place, hasParts: Bool) {
        self["item_id"] = .string(place.itemID)
        self["output_index"] = .integer(Int64(place.outputIndex))
        if hasParts { self["content_index"] = 0 }
    }
}
