import CKernels
import Testing

@testable import Tensors

@Suite struct PoolingTests {
    private static let texts = [0..<1, 1..<18, 18..<20, 20..<61]

    private func reference(_ x: FloatMatrix, _ text: Range<Int>, _ pooling: Pooling) -> [Double] {
        let pooled = (0..<x.width).map { column -> Double in
            switch pooling {
            case .mean: text.reduce(0.0) { $0 + Double(x.row($1)[column]) } / Double(text.count)
            case .first: Double(x.row(text.lowerBound)[column])
            case .last: Double(x.row(text.upperBound - 1)[column])
            }
        }
        return pooled
    }

    @Test(arguments: InstructionSet.available, [Pooling.mean, .first, .last])
    func `a text's tokens become one vector`(set: InstructionSet, pooling: Pooling) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 2))
        for width in sizesAroundVectors {
            let x = matrix(rows: 61, width: width, seed: UInt64(width))
            let pooled = FloatMatrix()
            compute.pool(x, texts: Self.texts, pooling, into: pooled)
            #expect(pooled.rows == 4 && pooled.width == width)
            for (index, text) in Self.texts.enumerated() {
                #expect(largestError(pooled.row(index), reference(x, text, pooling)) < 1e-5)
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a row of zeros stays one`(set: InstructionSet) {
        let compute = Compute(instructionSet: set, workers: WorkerPool(threadCount: 1))
        let x = FloatMatrix(rows: 1, width: 33)
        compute.normalizeLengths(x)
        #expect(x.elements.allSatisfy { $0 == 0 })
    }
}
