import Testing

@testable import Tensors

@Suite struct FloatMatrixTests {
    @Test func `rows that may have gaps do not begin in the same sets of a cache`() {
        let matrix = FloatMatrix()
        for width in [512, 3072, 16384] {
            matrix.reshape(rows: 5, width: width, isSpread: true)
            #expect(matrix.stride == width + 16)
            matrix.reshape(rows: 5, width: width)
            #expect(matrix.stride == width)
        }
        matrix.reshape(rows: 5, width: 960, isSpread: true)
        #expect(matrix.stride == 960)
    }

    @Test(arguments: [false, true])
    func `rows are kept where they belong`(isSpread: Bool) {
        let matrix = FloatMatrix()
        matrix.reshape(rows: 6, width: 512, isSpread: isSpread)
        for row in 0..<6 { matrix.row(row).update(repeating: Float(row)) }
        matrix.keep(rows: [0, 2, 5])
        #expect(matrix.rows == 3)
        for (place, row) in [0, 2, 5].enumerated() {
            #expect(matrix.row(place).allSatisfy { $0 == Float(row) } && matrix.row(place).count == 512)
        }
    }
}
