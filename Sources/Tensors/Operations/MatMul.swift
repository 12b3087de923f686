import CKernels

extension Compute {
    /// y = x Wᵀ (+ bias) (+ y).
    ///
    /// Block-quantised weights multiply x quantised to int8 in groups of 32, f16 and bf16 weights x quantised to 12 bits;
    /// f32 weights multiply it as it is. The bits of a row of y depend on that row of x and on W alone: not on the other rows, nor on the threads.
    ///
    /// - Parameters:
    ///   - weights: W, `[outputs, inputs]`.
    ///   - x: `[rows, inputs]`.
    ///   - bias: `[outputs]`, or nil.
    ///   - y: `[rows, outputs]`, not x.
    ///   - accumulate: whether the old y is added.
    ///   - update: what is added to some rows; nil adds nothing.
    ///   - following: the weights of the product that comes next, whose first bytes are asked for while this one ends.
    package func matMul(
        _ weights: PackedMatrix,
        _ x: FloatMatrix,
        bias: [Float]? = nil,
        into y: FloatMatrix,
        accumulate: Bool = false,
        update: LowRankUpdate? = nil,
        following: PackedMatrix? = nil
    ) {
        let lowRank = kernel(of: update, beside: weights, rows: x.rows)
        if weights.wants(.int8) {
            let pairing = weights.pairingSections
            if pairing.some { short8Activations.quantize(x, pairing.all ? lowRank : .none, on: self) }
            if !pairing.all { int8Activations.quantize(x, lowRank, on: self) }
        }
        if weights.wants(.int12) { int12Activations.quantize(x, on: self) }
        if lowRank.work.isExact {
            let job = (kernel: lowRank, x: x.pointer, width: x.width)
            overRows(x.rows, floatsPerRow: lowRank.work.perRow(x.rows), job) { job, run in
                job.pointee.kernel.shrink(job.pointee.x + run.first * job.pointee.width, rows: run.rows)
            }
        }
        let operand = Operand(x, int8Activations, short8Activations, int12Activations)
        multiply(weights, operand, bias, lowRank, into: y, accumulate: accumulate, following: following)
    }

    /// What tasks need of `update`.
    func kernel(of update: LowRankUpdate?, beside weights: PackedMatrix, rows: Int) -> LowRankKernel {
        guard let update, !update.isEmpty else { return .none }
        let kernel = update.kernel(rows: rows, inputs: weights.inputs, set: instructionSet.rawValue)
        precondition(
            !kernel.work.hasCodes || weights.wants(.int8) && !weights.wants(.float32),
            "matMul: factors in codes beside weights that take floats"
        )
        return kernel
    }

    /// As above with ready activations, so that one quantisation serves several products. All of W must take their form.
    package func matMul(
        _ weights: PackedMatrix,
        quantized x: QuantizedActivations,
        bias: [Float]? = nil,
        into y: FloatMatrix,
        accumulate: Bool = false
    ) {
        matMul(weights, quantized: x, bias: bias, lowRank: .none, into: y, accumulate: accumulate)
    }

    /// The same with a low-rank update, the shrinking half of which is done.
    func matMul(
        _ weights: PackedMatrix,
        quantized x: QuantizedActivations,
        bias: [Float]? = nil,
        lowRank: LowRankKernel,
        into y: FloatMatrix,
        accumulate: Bool = false,
        following: PackedMatrix? = nil
    ) {
        precondition(weights.soleForm == x.form, "matMul: weights that do not take \(x.form) activations")
        multiply(weights, Operand(x), bias, lowRank, into: y, accumulate: accumulate, following: following)
    }

    /// x in the forms that the weights want.
    private struct Operand {
        let rows: Int
        let inputs: Int
        let floats: FloatMatrix?
        let int8: ck_activations
        let short8: ck_activations
        let int12: ck_activations

        init(
            _ x: FloatMatrix,
            _ int8: QuantizedActivations,
            _ short8: QuantizedActivations,
            _ int12: QuantizedActivations
        ) {
            (rows, inputs, floats) = (x.rows, x.width, x)
            (self.int8, self.short8, self.int12) = (int8.kernelView, short8.kernelView, int12.kernelView)
        }

        /// One form, in the places of all: only the one that `x` has will be looked at.
        init(_ x: QuantizedActivations) {
            (rows, inputs, floats) = (x.rows, x.inputs, nil)
            (int8, short8, int12) = (x.kernelView, x.kernelView, x.kernelView)
        }
    }

    private func multiply(
        _ weights: PackedMatrix,
        _ x: Operand,
        _ bias: [Float]?,
        _ lowRank: LowRankKernel,
        into y: FloatMatrix,
        accumulate: Bool,
        following: PackedMatrix?
    ) {
        precondition(x.inputs == weights.inputs, "matMul: \(x.inputs) activations for \(weights.inputs) inputs")
        precondition(
            y.rows == x.rows && y.width == weights.outputs && y !== x.floats,
            "matMul: [\(y.rows), \(y.width)] for [\(x.rows), \(weights.outputs)]"
        )
        precondition(bias == nil || bias?.count == weights.outputs, "matMul: bias of another length")
        guard x.rows > 0, let bias else {
            if x.rows > 0 { run(weights, x, lowRank, ck_destination(y, accumulate, nil), following) }
            return
        }
        bias.withUnsafeBufferPointer {
            run(weights, x, lowRank, ck_destination(y, accumulate, $0.baseAddress), following)
        }
    }

    /// Hands out the sections' panels.
    private func run(
        _ weights: PackedMatrix,
        _ x: Operand,
        _ lowRank: LowRankKernel,
        _ y: ck_destination,
        _ following: PackedMatrix?
    ) {
        func split(_ sections: UnsafeBufferPointer<PackedMatrix.Section>) -> ProductSplit {
            let isChanged = lowRank.work.hasCodes
            return ProductSplit(sections, rows: x.rows, threadCount: workers.threadCount, isChanged: isChanged)
        }
        let product = Product(
            split: split(weights.sections),
            following: following.flatMap { $0.sections.isEmpty ? nil : split($0.sections) },
            int8: x.int8,
            short8: x.short8,
            int12: x.int12,
            floats: ck_float_rows(values: x.floats?.pointer, stride: Int64(x.inputs)),
            lowRank: lowRank,
            destination: y,
            set: instructionSet.rawValue
        )
        // Sections live as long as their matrices.
        withExtendedLifetime((weights, following)) {
            workers.run(taskCount: product.split.taskCount, product) { product, task in product.pointee.run(task) }
        }
    }
}

/// What the tasks of a product share: no references, whose counts the threads would take from one another.
private struct Product {
    let split: ProductSplit
    /// Of the product that comes next.
    let following: ProductSplit?
    let int8: ck_activations
    let short8: ck_activations
    let int12: ck_activations
    let floats: ck_float_rows
    let lowRank: LowRankKernel
    let destination: ck_destination
    let set: Int32

    func run(_ task: Int) {
        split.forEachRange(of: task, before: following) { section, range in
            multiply(section, range)
            if let y = destination.values {
                let (first, stride) = (section.firstOutput, destination.stride)
                lowRank.expand(range, firstOutput: first, into: y + first, stride: stride)
            }
        }
    }

    private func multiply(_ section: PackedMatrix.Section, _ range: ck_product_range) {
        var part = destination
        part.values += section.firstOutput
        if let bias = part.bias { part.bias = bias + section.firstOutput }
        lowRank.withCodes(part, firstOutput: section.firstOutput, range) { part in
            withUnsafePointer(to: section.panels) { panels in
                switch section.form {
                case .float32: ck_matmul_float(set, panels, floats, part, range)
                case .int8:
                    withUnsafePointer(to: section.canPairSteps ? short8 : int8) {
                        ck_matmul_quantized(set, panels, $0, part, range)
                    }
                case .int12: withUnsafePointer(to: int12) { ck_matmul_quantized(set, panels, $0, part, range) }
                }
            }
        }
    }
}

extension ck_destination {
    fileprivate init(_ matrix: FloatMatrix, _ accumulate: Bool, _ bias: UnsafePointer<Float>?) {
        self.init(
            values: matrix.start,
            stride: Int64(matrix.stride),
            bias: bias,
            accumulates: accumulate,
            update: nil,
            first_output: 0
        )
    }
}
