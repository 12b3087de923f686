import CKernels
import Testing

@testable import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct LowRankTests {
    private let workers = WorkerPool(threadCount: 2)

    /// Factors of one change, and what they make of a row by the formula.
    private struct Factors {
        let rank: Int
        let inputs: Int
        let outputs: Int
        var a: [Float]
        var b: [Float]
        let scale: Float

        init(rank: Int, inputs: Int, outputs: Int, bits: UInt32, seed: UInt64) {
            var random = SeededGenerator(state: seed)
            func values(_ count: Int) -> [Float] {
                (0..<count).map { _ in Float(bitPattern: random.float().bitPattern & bits) }
            }
            (self.rank, self.inputs, self.outputs) = (rank, inputs, outputs)
            a = values(rank * inputs)
            b = values(outputs * rank)
            scale = 0.75
        }

        var change: LowRankChange { change(.exact) }

        func change(
            _ precision: FactorPrecision,
            in memory: FactorMemory? = nil,
            on set: InstructionSet = .detected
        ) -> LowRankChange {
            StoredFactor.with(a) { a in
                StoredFactor.with(b) { b in
                    LowRankChange(a: a, b: b, rank: rank, scale: scale, precision: precision, in: memory, on: set)
                }
            }
        }

        /// scale · B A x, and Σ of the magnitudes of its products.
        func reference(_ x: [Float]) -> (values: [Double], magnitudes: [Double]) {
            var t = [Double](repeating: 0, count: rank)
            var tMagnitudes = t
            for k in 0..<rank {
                for i in 0..<inputs {
                    t[k] += Double(scale) * Double(a[k * inputs + i]) * Double(x[i])
                    tMagnitudes[k] += (Double(scale) * Double(a[k * inputs + i]) * Double(x[i])).magnitude
                }
            }
            let rows = (0..<outputs).map { output in b[(output * rank)..<(output * rank + rank)].map(Double.init) }
            return (
                rows.map { zip($0, t).reduce(0) { $0 + $1.0 * $1.1 } },
                rows.map { zip($0, tMagnitudes).reduce(0) { $0 + $1.0.magnitude * $1.1 } }
            )
        }
    }

    /// Bits that bf16, f16 and float32 keep of a float between -1 and 1.
    private static let forms: [(bits: UInt32, bytes: Int)] = [(0xFFFF_0000, 2), (0xFFFF_E000, 2), (0xFFFF_FFFF, 4)]

    @Test func `a float is a half to the bit, or is none`() {
        for bits in UInt16.min...UInt16.max {
            let half = Float16(bitPattern: bits)
            let isFinite = half.isFinite
            #expect(HalfBits.exact(Float(half)) == (isFinite ? bits : nil))
            if isFinite { #expect(HalfBits.exact(Float(bitPattern: Float(half).bitPattern | 1)) == nil) }
        }
        for value: Float in [65_536, 1e9, 1e-9, .leastNonzeroMagnitude] { #expect(HalfBits.exact(value) == nil) }
    }

    @Test(arguments: InstructionSet.available)
    func `a change adds scale B A x, in every form and at every size`(set: InstructionSet) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        for (form, bits) in Self.forms.map(\.bits).enumerated() {
            for (rank, inputs, outputs) in [(1, 1, 1), (3, 17, 15), (4, 33, 16), (8, 64, 40), (17, 96, 33)] {
                let factors = Factors(rank: rank, inputs: inputs, outputs: outputs, bits: bits, seed: UInt64(form + 1))
                let change = factors.change
                let weights = try StoredWeights(.f32, outputs: outputs, inputs: inputs, seed: 2).packed(on: workers)
                for rows in [1, 5, 13] {
                    let x = FloatMatrix(randomRows: rows, width: inputs, seed: 5)
                    let (plain, changed) = products(weights, x, change, on: compute)
                    var wrong = 0
                    for row in 0..<rows {
                        let (values, magnitudes) = factors.reference(Array(x.row(row)))
                        for output in 0..<outputs {
                            let base = Double(plain.row(row)[output])
                            let bound = 1e-5 * (magnitudes[output] + base.magnitude) + 1e-12
                            if !(abs(Double(changed.row(row)[output]) - base - values[output]) <= bound) { wrong += 1 }
                        }
                    }
                    #expect(wrong == 0, "\(set) form \(form) \(rows)x\(inputs)x\(outputs) rank \(rank)")
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available, [(FactorPrecision.int5, 0.08), (.int6, 0.04)])
    func `a change in codes adds scale B A x to a small part of what it adds at most`(
        set: InstructionSet,
        precisionAndBound: (FactorPrecision, Double)
    ) throws {
        let (precision, bound) = precisionAndBound
        let compute = Compute(instructionSet: set, workers: workers)
        for (rank, inputs, outputs) in [(8, 32, 16), (16, 96, 40), (24, 64, 15), (40, 256, 33), (256, 64, 48)] {
            let factors = Factors(rank: rank, inputs: inputs, outputs: outputs, bits: .max, seed: 7)
            let change = factors.change(precision)
            #expect(change.precision == precision)
            let weights = try StoredWeights(.q8_0, outputs: outputs, inputs: inputs, seed: 2).packed(on: workers)
            for rows in [1, 5, 13] {
                let x = FloatMatrix(randomRows: rows, width: inputs, seed: 5)
                let (plain, changed) = products(weights, x, change, on: compute)
                var (errors, values) = (0.0, 0.0)
                for row in 0..<rows {
                    let reference = factors.reference(Array(x.row(row)))
                    for output in 0..<outputs {
                        let found = Double(changed.row(row)[output]) - Double(plain.row(row)[output])
                        let error = abs(found - reference.values[output])
                        // Factors are off by half of 1/15 or 1/31 of a group's largest at most, and A x by half of 1/120.
                        #expect(error <= bound * reference.magnitudes[output] + 1e-6)
                        errors += error * error
                        values += reference.values[output] * reference.values[output]
                    }
                }
                let sizes = "rank \(rank) \(rows)x\(inputs)x\(outputs)"
                #expect((errors / values).squareRoot() < bound, "\(precision) \(set) \(sizes)")
            }
        }
    }

    @Test(arguments: [(FactorPrecision.int5, 0.37), (.int6, 0.43)])
    func `codes take less than half of 16 bits, and are left where they are not possible or save nothing`(
        precision: FactorPrecision,
        share: Double
    ) throws {
        let factors = Factors(rank: 16, inputs: 512, outputs: 512, bits: 0xFFFF_0000, seed: 3)
        #expect(Double(factors.change(precision).byteCount) <= share * Double(factors.change.byteCount))
        for (rank, inputs) in [(4, 64), (16, 48)] {
            let small = Factors(rank: rank, inputs: inputs, outputs: 16, bits: .max, seed: 3)
            #expect(small.change(precision).precision == .exact)
        }
        // Tiny and huge factors keep their relative precision: scales have the range of float32.
        let tiny = StoredFactor.with([Float](repeating: 1e-9, count: 512)) { a in
            StoredFactor.with([Float](repeating: 1e9, count: 256)) { b in
                LowRankChange(a: a, b: b, rank: 8, scale: 1, precision: precision)
            }
        }
        let weights = try StoredWeights(.q8_0, outputs: 32, inputs: 64, seed: 2).packed(on: workers)
        let x = FloatMatrix(rows: 1, width: 64)
        x.elements.update(repeating: 1)
        let (plain, changed) = products(weights, x, tiny, on: Compute(workers: workers))
        for output in 0..<32 { #expect(abs(changed.elements[output] - plain.elements[output] - 512) < 8) }
    }

    @Test(arguments: [FactorPrecision.int5, .int6])
    func `changes made in one memory are those made in memory of their own`(precision: FactorPrecision) throws {
        let all = [(16, 64, 48), (8, 64, 16), (4, 64, 48)].enumerated().map { index, size in
            Factors(rank: size.0, inputs: size.1, outputs: size.2, bits: .max, seed: UInt64(index))
        }
        var space = FactorSpace()
        for factors in all {
            space.add(rank: factors.rank, inputs: factors.inputs, outputs: factors.outputs, precision: precision)
        }
        let memory = try #require(FactorMemory(space))
        let sections = all.map(\.outputs)
        let weights = try packed(
            sections.enumerated().map { StoredWeights(.q4_0, outputs: $1, inputs: 64, seed: UInt64($0)) },
            inputs: 64
        )
        let x = FloatMatrix(randomRows: 6, width: 64, seed: 9)
        let compute = Compute(workers: workers)
        let shared = LowRankProduct(all.map { $0.change(precision, in: memory) }, outputs: sections)
        let own = LowRankProduct(all.map { $0.change(precision) }, outputs: sections)
        #expect(result(weights, x, [(0..<6, shared)], on: compute) == result(weights, x, [(0..<6, own)], on: compute))
    }

    @Test(arguments: [FactorPrecision.int5, .int6], [8, 16, 23, 40])
    func `factors are packed to the same bytes on every set, whatever floats they are stored in`(
        precision: FactorPrecision,
        rank: Int
    ) throws {
        let (inputs, outputs) = (96, 41)
        for (type, bits) in [(ElementType.f32, UInt32.max), (.f16, 0xFFFF_E000), (.bf16, 0xFFFF_0000)] {
            var factors = Factors(rank: rank, inputs: inputs, outputs: outputs, bits: bits, seed: UInt64(rank))
            // A group of zeros, and one too small for the inverse of its scale.
            for index in 0..<32 { (factors.a[index], factors.b[index]) = (0, type == .f16 ? 0 : 1e-35) }
            let (a, b) = (stored(factors.a, as: type), stored(factors.b, as: type))
            let expected = bytes(of: factors.change(precision, on: .portable))
            for set in InstructionSet.available {
                let change = try a.withUnsafeBytes { a in
                    try b.withUnsafeBytes { b in
                        LowRankChange(
                            a: try #require(StoredFactor(a, as: type)),
                            b: try #require(StoredFactor(b, as: type)),
                            rank: rank,
                            scale: factors.scale,
                            precision: precision,
                            on: set
                        )
                    }
                }
                #expect(bytes(of: change) == expected, "\(type) on \(set)")
            }
        }
    }

    private func stored(_ values: [Float], as type: ElementType) -> [UInt8] {
        switch type {
        case .f16: values.map { Float16($0).bitPattern }.withUnsafeBytes(Array.init)
        case .bf16: values.map { UInt16($0.bitPattern >> 16) }.withUnsafeBytes(Array.init)
        default: values.withUnsafeBytes(Array.init)
        }
    }

    private func bytes(of change: LowRankChange) -> [UInt8] {
        withExtendedLifetime(change) {
            let (form, rank) = (change.view.element, Int32(change.rank))
            let a = Int(ck_low_rank_a_bytes(form, rank, Int32(change.inputs)))
            let b = Int(ck_low_rank_b_bytes(form, rank, Int32(change.outputs)))
            return Array(UnsafeRawBufferPointer(start: change.view.a, count: a))
                + Array(UnsafeRawBufferPointer(start: change.view.b, count: b))
        }
    }

    @Test func `memory of factors that went is what the next get, with nothing left in it`() throws {
        let spare = SpareMemory()
        func bytes(
            _ factors: Factors,
            _ precision: FactorPrecision,
            recycling spare: SpareMemory?
        ) -> (at: UnsafeRawPointer, all: [UInt8]) {
            var space = FactorSpace()
            space.add(rank: factors.rank, inputs: factors.inputs, outputs: factors.outputs, precision: precision)
            let change = factors.change(precision, in: FactorMemory(space, recycling: spare))
            return withExtendedLifetime(change) {
                (change.view.a, Array(UnsafeRawBufferPointer(start: change.view.a, count: change.byteCount)))
            }
        }
        // 16 ranks are kept together: of the second's last, rows are padding.
        let first = Factors(rank: 256, inputs: 4096, outputs: 5120, bits: .max, seed: 5)
        let second = Factors(rank: 250, inputs: 4096, outputs: 6000, bits: .max, seed: 6)
        let small = Factors(rank: 250, inputs: 1024, outputs: 5000, bits: .max, seed: 7)
        let place = bytes(first, .int6, recycling: spare).at
        // Codes are joined to what is there.
        let recycled = bytes(second, .int5, recycling: spare)
        #expect(recycled.at == place)
        #expect(recycled.all == bytes(second, .int5, recycling: nil).all)
        // What takes less than half of it is not worth holding it.
        #expect(bytes(small, .int5, recycling: spare).all == bytes(small, .int5, recycling: nil).all)
    }

    #if os(Linux)
        @Test func `memory that no factor lies in goes back to the system`() throws {
            let (rank, width) = (256, 8192)
            let values = [Float](repeating: 0.5, count: rank * width)
            var space = FactorSpace()
            space.add(rank: rank, inputs: width, outputs: width, precision: .exact)
            let spare = SpareMemory()
            // The second change is made in the first's memory, all of which was touched.
            for turn in 0..<2 {
                let memory = try #require(FactorMemory(space, recycling: spare))
                let change = StoredFactor.with(values) { LowRankChange(a: $0, b: $0, rank: rank, scale: 1, in: memory) }
                let before = try residentBytes(from: change.view.a, count: space.byteCount)
                memory.trim()
                let after = try residentBytes(from: change.view.a, count: space.byteCount)
                #expect(change.byteCount == 2 * 2 * values.count && after >= change.byteCount, "turn \(turn)")
                // A is followed by as much that it does not need, and so is B.
                if turn == 1 { #expect(after <= before - 2 * (1 << 21)) }
            }
        }

        /// How much of the memory is committed, in whole pages.
        private func residentBytes(from start: UnsafeRawPointer, count: Int) throws -> Int {
            let first = Int(bitPattern: start) / 4096 * 4096
            let end = (Int(bitPattern: start) + count + 4095) / 4096 * 4096
            var pages = [UInt8](repeating: 0, count: (end - first) / 4096)
            let result = mincore(UnsafeMutableRawPointer(bitPattern: first), end - first, &pages)
            try #require(result == 0)
            return pages.reduce(0) { $0 + ($1 & 1 == 1 ? 4096 : 0) }
        }
    #endif

    @Test func `factors are kept in the narrowest type that loses no bit`() {
        for (bits, bytes) in Self.forms {
            let change = Factors(rank: 4, inputs: 32, outputs: 16, bits: bits, seed: 3).change
            #expect(change.byteCount == 4 * (32 + 16) * bytes)
        }
    }

    @Test(arguments: InstructionSet.available, [ElementType.q4_0, .f16, .f32])
    func `rows of several adapters, of some and of none have the bits that they have alone`(
        set: InstructionSet,
        type: ElementType
    ) throws {
        try checkRows(type, [.exact, .exact, .exact], on: set)
        if type != .q4_0 { return }
        try checkRows(type, [.int5, .int5, .int5], on: set)
        try checkRows(type, [.int6, .int6, .int6], on: set)
        try checkRows(type, [.int5, .int6, .int5], on: set, ranks: [8, 16, 24])
    }

    @Test(.enabled(if: InstructionSet.avx512vnni.canPairSteps, "needs AVX-512 VNNI and GFNI"))
    func `changed rows have the same bits where products pair their steps`() throws {
        let sections = [64, 96]
        let sources = sections.enumerated().map { StoredWeights(.q4_1, outputs: $1, inputs: 256, seed: UInt64($0)) }
        let weights = try packed(sources, inputs: 256)
        for precision in FactorPrecision.allCases {
            let products = [8, 16].map { rank in
                LowRankProduct(
                    sections.map { outputs in
                        Factors(rank: rank, inputs: 256, outputs: outputs, bits: .max, seed: UInt64(rank))
                            .change(precision)
                    },
                    outputs: sections
                )
            }
            let x = FloatMatrix(randomRows: 101, width: 256, seed: 3)
            // One for many rows, one for each of some, none for others.
            let runs = [(0..<40, products[0]), (40..<41, products[1]), (41..<42, products[0]), (60..<101, products[1])]
            let results = [true, false].map { pairsSteps in
                let compute = Compute(instructionSet: .avx512vnni, workers: workers, pairsSteps: pairsSteps)
                return result(weights, x, runs, on: compute)
            }
            #expect(results[0] == results[1], "\(precision)")
        }
    }

    /// - Parameters:
    ///   - precisions: of the three changes' factors.
    ///   - ranks: of the changes.
    private func checkRows(
        _ type: ElementType,
        _ precisions: [FactorPrecision],
        on set: InstructionSet,
        ranks: [Int] = [4, 16, 24]
    ) throws {
        let compute = Compute(instructionSet: set, workers: workers)
        // The last section ends within a panel, the second of two.
        let (inputs, sections) = (256, [64, 32, 24])
        let sources = sections.enumerated().map { StoredWeights(type, outputs: $1, inputs: inputs, seed: UInt64($0)) }
        let weights = try packed(sources, inputs: inputs)
        var products = ranks.enumerated().map { index, rank in
            LowRankProduct(
                sections.enumerated().map { section, outputs in
                    // One of the three leaves the middle as it is.
                    if index == 1, section == 1 { return nil }
                    let seed = UInt64(10 * index + section)
                    return Factors(rank: rank, inputs: inputs, outputs: outputs, bits: .max, seed: seed)
                        .change(precisions[index])
                },
                outputs: sections
            )
        }
        let parts = [(product: products[1], scale: Float(0.5)), (products[2], 2), (products[0], 1)]
        products += [try #require(LowRankProduct(mixing: parts))]
        // Rows of none, the first, none, the second, the third, the first again, a mix.
        let runs = [(1..<4, 0), (5..<15, 1), (15..<16, 2), (16..<21, 0), (21..<22, 3)]
        let x = FloatMatrix(randomRows: 23, width: inputs, seed: 9)
        let together = result(weights, x, runs.map { ($0.0, products[$0.1]) }, on: compute)
        for row in 0..<23 {
            let single = FloatMatrix(rows: 1, width: inputs)
            _ = single.elements.update(fromContentsOf: x.row(row))
            let own = runs.first { $0.0.contains(row) }.map { [(0..<1, products[$0.1])] } ?? []
            #expect(result(weights, single, own, on: compute)[0] == together[row], "\(set) \(type) row \(row)")
            let isChanged = result(weights, single, [], on: compute)[0] != together[row]
            #expect(isChanged == !own.isEmpty)
        }
    }

    /// x Wᵀ as it is, and under a change of all rows.
    private func products(
        _ weights: PackedMatrix,
        _ x: FloatMatrix,
        _ change: LowRankChange,
        on compute: Compute
    ) -> (plain: FloatMatrix, changed: FloatMatrix) {
        let plain = FloatMatrix(rows: x.rows, width: weights.outputs)
        let changed = FloatMatrix(rows: x.rows, width: weights.outputs)
        let (update, product) = (LowRankUpdate(), LowRankProduct([change], outputs: [weights.outputs]))
        update.append(product, rows: 0..<x.rows)
        compute.matMul(weights, x, into: plain)
        // Updates hold addresses.
        withExtendedLifetime(product) { compute.matMul(weights, x, into: changed, update: update) }
        return (plain, changed)
    }

    /// The sources under one another.
    private func packed(_ sources: [StoredWeights], inputs: Int) throws -> PackedMatrix {
        let buffers = sources.map { source in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: source.bytes.count, alignment: 64)
            buffer.copyBytes(from: source.bytes)
            return buffer
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        let parts = zip(sources, buffers).map {
            PackedMatrix.Source(bytes: UnsafeRawBufferPointer($1), elementType: $0.type, outputs: $0.outputs)
        }
        return try PackedMatrix(packing: parts, inputs: inputs, on: workers)
    }

    /// The rows of norm(x) Wᵀ and of (gate x) Wᵀ under the changes given, one after the other.
    private func result(
        _ weights: PackedMatrix,
        _ x: FloatMatrix,
        _ runs: [(Range<Int>, LowRankProduct)],
        on compute: Compute
    ) -> [[Float]] {
        let update = LowRankUpdate()
        for (rows, product) in runs { update.append(product, rows: rows) }
        let (y, z, scratch) = (FloatMatrix(), FloatMatrix(), FloatMatrix())
        y.reshape(rows: x.rows, width: weights.outputs)
        z.reshape(rows: x.rows, width: weights.outputs)
        let gain = [Float](repeating: 0.5, count: x.width)
        let norm = RowNorm(gain: gain, epsilon: 1e-5)
        compute.matMul(weights, norm: norm, of: x, into: y, scratch: scratch, update: update)
        let doubled = FloatMatrix(rows: x.rows, width: 2 * x.width)
        for row in 0..<x.rows {
            for half in 0..<2 { for i in 0..<x.width { doubled.row(row)[half * x.width + i] = x.row(row)[i] } }
        }
        z.elements.update(repeating: 1)
        compute.matMul(weights, gated: doubled, .silu, into: z, accumulate: true, scratch: scratch, update: update)
        return (0..<x.rows).map { Array(y.row($0)) + Array(z.row($0)) }
    }
}
