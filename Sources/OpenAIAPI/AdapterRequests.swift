package import JSON

/// The body of `POST /v1/load_lora_adapter`, in vLLM's shape.
package struct AdapterLoadRequest: Sendable, Equatable {
    /// What requests are to call it.
    package var name: String
    /// PEFT folder or GGUF file on the server's machine.
    package var path: String
    /// The model that it changes; nil means the only one there is.
    package var baseModel: String?
    /// Whether one of the same name is replaced.
    package var replaces: Bool

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        name = try FieldReader.string(try reader.required("lora_name"), "lora_name", bytes: 1024)
        path = try FieldReader.string(try reader.required("lora_path"), "lora_path", bytes: 4096)
        baseModel = try reader.string("base_model_name", bytes: 1024)
        replaces = try reader.bool("load_inplace") ?? false
        try reader.finish()
    }
}

/// The body of `POST /v1/unload_lora_adapter`, in vLLM's shape.
package struct AdapterUnloadRequest: Sendable, Equatable {
    package var name: String
    /// The model that it changes; nil means the only one there is.
    package var baseModel: String?

    package init(_ body: JSONValue) throws(APIError) {
        var reader = try FieldReader(body, path: "")
        name = try FieldReader.string(try reader.required("lora_name"), "lora_name", bytes: 1024)
        baseModel = try reader.string("base_model_name", bytes: 1024)
        reader.ignore(["lora_int_id"])
        try reader.finish()
    }
}

/// The answer to both: the variant's name, and whether it can be named now.
package struct AdapterChange: Sendable, Equatable {
    /// `model:adapter`.
    package var id: String
    package var isLoaded: Bool

    package init(id: String, isLoaded: Bool) {
        self.id = id
        self.isLoaded = isLoaded
    }

    package var json: JSONValue {
        ["id": .string(id), "object": "model", "loaded": .bool(isLoaded)]
    }
}
