import Checkpoints
import Foundation
import Models
import Tensors
import TestModels
import Tokenization

/// Texts of token ids and the vectors a reference found for them.
struct ReferenceVectors {
    let texts: [EmbedderText]
    let vectors: [[Float]]

    /// - Parameters:
    ///   - tokens: a JSON list of lists of ids.
    ///   - floats: float32 `[texts, dimensions]`.
    init(tokens: String, floats: String) throws {
        let read = try JSONDecoder().decode([Text].self, from: Data(contentsOf: URL(fileURLWithPath: tokens)))
        texts = read.map { text in
            EmbedderText(text.tokens.map { TokenID(rawValue: $0) }, secondStart: text.second)
        }
        let values = try Data(contentsOf: URL(fileURLWithPath: floats)).withUnsafeBytes {
            Array($0.bindMemory(to: Float.self))
        }
        let width = values.count / texts.count
        vectors = texts.indices.map { Array(values[$0 * width..<($0 + 1) * width]) }
    }

    /// Those of a tiny checkpoint.
    init(of name: String) throws {
        let stem = name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name
        try self.init(tokens: TestData.tiny(stem + ".tokens.json"), floats: TestData.tiny(stem + ".vectors"))
    }

    /// The ids of a text, or an object with those of a pair.
    private struct Text: Decodable {
        var tokens: [Int32]
        /// Where the second text begins.
        var second: Int?

        private enum Key: CodingKey { case tokens, second }

        init(from decoder: any Swift.Decoder) throws {
            if let pair = try? decoder.container(keyedBy: Key.self) {
                tokens = try pair.decode([Int32].self, forKey: .tokens)
                second = try pair.decode(Int.self, forKey: .second)
            } else {
                tokens = try decoder.singleValueContainer().decode([Int32].self)
            }
        }
    }

    /// The largest distance between a number found and the reference's; infinite when they do not fit one another.
    func worstDistance(_ found: [[Float]]) -> Float {
        guard found.map(\.count) == vectors.map(\.count) else { return .infinity }
        return zip(found.joined(), vectors.joined()).map { abs($0 - $1) }.max() ?? .infinity
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

extension BertEncoder {
    /// The encoder of a checkpoint, on threads of its own.
    convenience init(_ path: String, _ set: InstructionSet = .detected, threadCount: Int = 2) throws {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: threadCount))
        try self.init(Checkpoint.open(path: path), compute: compute)
    }
}
