import Foundation
import TestModels
import Tokenization

/// Texts of token ids and the vectors a reference found for them.
struct ReferenceVectors {
    let texts: [[TokenID]]
    let vectors: [[Float]]

    /// - Parameters:
    ///   - tokens: a JSON list of lists of ids.
    ///   - floats: float32 `[texts, dimensions]`.
    init(tokens: String, floats: String) throws {
        let ids = try JSONDecoder().decode([[Int32]].self, from: Data(contentsOf: URL(fileURLWithPath: tokens)))
        texts = ids.map { $0.map { TokenID(rawValue: $0) } }
        let values = try Data(contentsOf: URL(fileURLWithPath: floats)).withUnsafeBytes {
            Array($0.bindMemory(to: Float.self))
        }
        let width = values.count / texts.count
        vectors = texts.indices.map { Array(values[$0 * width..<($0 + 1) * width]) }
    }

    /// The smallest cosine between a vector found and the reference's; -1 when they do not fit one another.
    func worstCosine(_ found: [[Float]]) -> Double {
        guard found.count == vectors.count, !found.isEmpty else { return -1 }
        return zip(found, vectors).map { Self.cosine($0, $1) }.min() ?? -1
    }

    private static func cosine(_ left: [Float], _ right: [Float]) -> Double {
        guard left.count == right.count else { return -1 }
        func product(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        return product(left, right) / (product(left, left) * product(right, right)).squareRoot()
    }
}
