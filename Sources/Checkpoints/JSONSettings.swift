import JSON

/// Reads the members of a JSON file's object with checks of type and range. A null member counts as absent, as it does
/// for the Python classes that write these files.
struct JSONSettings {
    let object: JSONObject
    let file: String
    /// Put before keys in errors: the path of a nested object.
    var prefix = ""
    /// Where a key is looked up that this object lacks: the file's outer object.
    var fallback: JSONObject?

    init(_ object: JSONObject, file: String) {
        self.object = object
        self.file = file
    }

    /// The member, or the outer object's; nil when absent or null.
    subscript(key: String) -> JSONValue? {
        if let value = object[key], !value.isNull { return value }
        if let value = fallback?[key], !value.isNull { return value }
        return nil
    }

    /// The settings of a nested object.
    func nested(_ key: String) throws(CheckpointError) -> JSONSettings? {
        guard let value = self[key] else { return nil }
        guard let object = value.objectValue else { throw invalid(key, "must be an object") }
        var settings = JSONSettings(object, file: file)
        settings.prefix = prefix + key + "."
        return settings
    }

    func string(_ key: String) throws(CheckpointError) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.stringValue else { throw invalid(key, "must be a string") }
        return text
    }

    func bool(_ key: String) throws(CheckpointError) -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.boolValue else { throw invalid(key, "must be true or false") }
        return flag
    }

    /// A whole number of 1 or more.
    func count(_ key: String) throws(CheckpointError) -> Int? {
        guard let value = self[key] else { return nil }
        guard let count = value.integerValue, (1...maximumCount(of: key)).contains(count) else {
            throw invalid(key, "must be a whole number from 1 to \(maximumCount(of: key))")
        }
        return count
    }

    /// A number that is finite as a 32-bit float.
    func float(_ key: String) throws(CheckpointError) -> Float? {
        guard let value = self[key] else { return nil }
        guard let number = value.doubleValue, Float(number).isFinite else { throw invalid(key, "must be a number") }
        return Float(number)
    }

    /// A number above 0, also after rounding to 32 bits.
    func positiveFloat(_ key: String) throws(CheckpointError) -> Float? {
        guard let number = try float(key) else { return nil }
        guard number > 0 else { throw invalid(key, "must be above 0") }
        return number
    }

    /// One token id or a list of them; empty when absent.
    func tokenIDs(_ key: String) throws(CheckpointError) -> [Int] {
        guard let value = self[key] else { return [] }
        var ids: [Int] = []
        for element in value.arrayValue ?? [value] {
            guard let id = element.integerValue, id >= -1, id <= Int(UInt32.max) else {
                throw invalid(key, "must be a token id or a list of them")
            }
            if id >= 0, !ids.contains(id) { ids.append(id) }
        }
        return ids
    }

    func require<Value>(_ value: Value?, _ key: String) throws(CheckpointError) -> Value {
        guard let value else { throw .missingKey(file: file, key: prefix + key) }
        return value
    }

    func invalid(_ key: String, _ problem: String) -> CheckpointError {
        .invalidValue(file: file, key: prefix + key, problem: problem)
    }
}
