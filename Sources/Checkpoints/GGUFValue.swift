/// A value of GGUF metadata. Integer arrays of every width are widened to 64 bits.
package enum GGUFValue: Sendable, Equatable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case uint64(UInt64)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    /// Bytes that are not UTF-8 were replaced by U+FFFD; so in `strings`.
    case string(String)
    case strings([String])
    case integers([Int64])
    case floats([Float])
    case doubles([Double])
    case bools([Bool])
    /// An array of arrays.
    case arrays([GGUFValue])

    /// The integer, whatever its width; nil for anything else or when it does not fit.
    package var intValue: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number as a 32-bit float; integers count as numbers.
    package var floatValue: Float? {
        switch self {
        case .float32(let value): value
        case .float64(let value): Float(value)
        default: intValue.map(Float.init)
        }
    }

    package var stringValue: String? { if case .string(let value) = self { value } else { nil } }

    package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

    package var strings: [String]? { if case .strings(let values) = self { values } else { nil } }

    package var integers: [Int64]? { if case .integers(let values) = self { values } else { nil } }

    package var bools: [Bool]? { if case .bools(let values) = self { values } else { nil } }

    /// An array of floats; one of doubles is rounded.
    package var floats: [Float]? {
        switch self {
        case .floats(let values): values
        case .doubles(let values): values.map { Float($0) }
        default: nil
        }
    }
}

/// The type ids of GGUF metadata values.
enum GGUFValueType: UInt32 {
    case uint8 = 0
    case int8 = 1
    case uint16 = 2
    case int16 = 3
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
    case uint64 = 10
    case int64 = 11
    case float64 = 12

    /// Bytes that one value takes in the file at least.
    var minimumBytes: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .string, .uint64, .int64, .float64: 8
        case .array: 12
        }
    }

    /// Bytes that one element of an array takes in memory, without the text of a string.
    var decodedBytes: Int {
        switch self {
        case .bool: 1
        case .float32: 4
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .float64: 8
        case .string: 16
        case .array: 64
        }
    }
}
