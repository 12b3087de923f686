package import JSON

/// One entry of `lora`, llama.cpp's field: an adapter, and how much of it.
package struct AdapterSelection: Sendable, Equatable {
    /// What an adapter is called by.
    package enum Identity: Sendable, Equatable {
        case name(String)
        /// Its place in the answer to `GET /lora-adapters`.
        case index(Int)
    }

    package var identity: Identity
    /// What its change of the weights is multiplied by.
    package var scale: Double

    package init(_ identity: Identity, scale: Double) {
        self.identity = identity
        self.scale = scale
    }

    /// Most adapters in one request.
    package static let countLimit = 16
    /// Largest scale, and the smallest with its sign turned.
    package static let scaleLimit = 100.0

    /// Reads `lora`; nil when it is absent or null, which leaves the choice to the model's name.
    package static func read(_ reader: inout FieldReader) throws(APIError) -> [AdapterSelection]? {
        guard let values = try reader.array("lora") else { return nil }
        let parameter = reader.parameter("lora")
        try FieldReader.checkCount(values.count, parameter, in: 0...countLimit)
        var selections: [AdapterSelection] = []
        for (index, value) in values.enumerated() {
            let path = "\(parameter)[\(index)]"
            let selection = try AdapterSelection(value, path: path)
            if selections.contains(where: { $0.identity == selection.identity }) {
                throw .invalidValue("\(path).id", "the adapter is there already; add the scales up.")
            }
            selections.append(selection)
        }
        return selections
    }

    private init(_ value: JSONValue, path: String) throws(APIError) {
        var reader = try FieldReader(value, path: path)
        let parameter = reader.parameter("id")
        let id = try reader.required("id", ["type": ["string", "integer"]])
        switch id {
        case .string: identity = .name(try FieldReader.string(id, parameter, bytes: 1024))
        case .integer: identity = .index(try FieldReader.integer(id, parameter, in: 0...Int(Int32.max)))
        default: throw .invalidType(parameter, expected: "a name or an index", got: id)
        }
        scale = try FieldReader.number(
            try reader.required("scale"),
            reader.parameter("scale"),
            in: -Self.scaleLimit...Self.scaleLimit
        )
        try reader.finish()
    }
}

/// The answer to `GET /lora-adapters`, in llama.cpp's shape with the adapter's name beside it.
package struct AdapterList: Sendable, Equatable {
    /// An adapter that requests may name in `lora`.
    package struct Item: Sendable, Equatable {
        /// What it is called.
        package var name: String
        /// The last part of where it was read from: the rest is nobody's business but the server's.
        package var file: String

        package init(name: String, file: String) {
            self.name = name
            self.file = file
        }
    }

    /// In the order of their indices.
    package var items: [Item]

    package init(items: [Item]) { self.items = items }

    /// Nothing is applied unless a request asks for it, so every scale is 0.
    package var json: JSONValue {
        .array(
            items.enumerated().map { index, item in
                ["id": .integer(Int64(index)), "path": .string(item.file), "scale": 0, "name": .string(item.name)]
            }
        )
    }
}
