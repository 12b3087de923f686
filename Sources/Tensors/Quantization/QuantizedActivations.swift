import CKernels

/// What the activations of a product are; the weights' type decides.
package enum ActivationForm: Sendable, Equatable, CaseIterable {
    /// As they are: for float32 weights, and for halves whose rows are not whole groups of 32.
    case float32
    /// 8 bits, for block types.
    case int8
    /// 12 bits in an int16, for f16 and bf16 weights.
    case int12

    /// What weights of `type` take whose rows have so many inputs.
    package init(of type: ElementType, inputs: Int) {
        self.init(ck_form_of(Int32(type.rawValue), Int64(inputs)))
    }

    init(_ form: ck_activation_form) {
        self =
            switch form {
            case ck_activation_form_int8: .int8
            case ck_activation_form_int12: .int12
            default: .float32
            }
    }

    var kernelForm: ck_activation_form {
        switch self {
        case .float32: ck_activation_form_float32
        case .int8: ck_activation_form_int8
        case .int12: ck_activation_form_int12
        }
    }
}

/// Whether products compute two steps in one dot product. Activations of weights that could have a range of ±120 on every machine
/// and for any number of rows, so that results are the same.
package enum PairedSteps: Sendable {
    /// The weights cannot.
    case impossible
    /// They could, but this machine multiplies as fast without.
    case possible
    case made
}

/// Rows of activations as integers with one scale per 32 inputs, `[rows, inputs]`; a reusable buffer.
///
/// x ≈ scale · q with scale = max|x| / 127 over the group, / 120 where the weights can pair steps, or / 2047 with 12 bits,
/// rounded half to even: symmetric, so that a product with weights of any zero point needs only the group's sum of q.
package final class QuantizedActivations {
    /// How many bits they have.
    package let form: ActivationForm
    /// Rows in use.
    package private(set) var rows = 0
    /// Activations in a row, a multiple of 32.
    package private(set) var inputs = 0
    private var valueStride = 0
    private var groupStride = 0
    private var values: UnsafeMutableRawBufferPointer
    private var groups: UnsafeMutableRawBufferPointer
    private var pairGroups: UnsafeMutableRawBufferPointer
    private let pairs: PairedSteps
    /// What the kernels call the form.
    let kernelForm: ck_activation_form

    /// Makes an empty buffer.
    ///
    /// - Parameters:
    ///   - form: not `float32`.
    ///   - pairs: whether the weights that they meet can pair steps, with 8 bits, and whether the products do.
    package init(_ form: ActivationForm, _ pairs: PairedSteps = .impossible) {
        precondition(form != .float32, "QuantizedActivations: float32 is not quantised")
        self.form = form
        precondition(form == .int8 || pairs == .impossible, "QuantizedActivations: pairs of \(form)")
        self.pairs = pairs
        kernelForm = pairs == .impossible ? form.kernelForm : ck_activation_form_short8
        pairGroups = .allocateLines(0)
        values = .allocateLines(0)
        groups = .allocateLines(0)
    }

    deinit {
        values.deallocate()
        groups.deallocate()
        pairGroups.deallocate()
    }

    /// Makes room for `[rows, inputs]`; contents are undefined. Allocates only when it was never that large before.
    package func reshape(rows: Int, inputs: Int) {
        precondition(rows >= 0 && inputs % Int(ck_group_size) == 0, "QuantizedActivations: \(inputs) inputs")
        self.rows = rows
        self.inputs = inputs
        // An odd number of cache lines from row to row spreads the rows of a tile over the sets of a cache.
        let byteCount = form == .int12 ? 2 * inputs : inputs
        valueStride = (byteCount + 63) / 64 * 64
        if valueStride / 64 % 2 == 0 { valueStride += 64 }
        groupStride = inputs / Int(ck_group_size)
        if groupStride % 4 == 0 { groupStride += 1 }
        values.growLines(to: rows * valueStride)
        groups.growLines(to: rows * groupStride * MemoryLayout<ck_activation_group>.stride)
        if hasPairGroups { pairGroups.growLines(to: rows * groupStride * MemoryLayout<ck_pair_group>.stride) }
    }

    /// Becomes the quantised `matrix`, whose width is a multiple of 32.
    package func quantize(_ matrix: FloatMatrix, on compute: Compute) { quantize(matrix, .none, on: compute) }

    /// Few rows meet one panel at a time, which pairs nothing.
    private var hasPairGroups: Bool { pairs == .made && rows > 8 }

    /// The same, with what factors in codes make of it.
    func quantize(_ matrix: FloatMatrix, _ lowRank: LowRankKernel, on compute: Compute) {
        reshape(rows: matrix.rows, inputs: matrix.width)
        let kernel = QuantizeKernel(self, set: compute.instructionSet.rawValue)
        let work = inputs + (lowRank.work.hasCodes ? lowRank.work.perRow(rows) : 0)
        let job = (source: matrix.pointer, kernel: kernel, lowRank: lowRank)
        compute.overRows(rows, floatsPerRow: work, leastRows: lowRank.work.leastRows, job) { job, run in
            let source = job.pointee.source + run.first * job.pointee.kernel.inputs
            job.pointee.kernel.run(source, to: run.rows)
            job.pointee.lowRank.shrink(job.pointee.kernel.target, rows: run.rows)
        }
    }

    /// The kernels' view of it.
    var kernelView: ck_activations {
        ck_activations(
            values: values.assumingMemoryBound(to: Int8.self).baseAddress,
            value_stride: Int64(valueStride),
            groups: groups.assumingMemoryBound(to: ck_activation_group.self).baseAddress,
            group_stride: Int64(groupStride),
            pair_groups: hasPairGroups ? pairGroups.assumingMemoryBound(to: ck_pair_group.self).baseAddress : nil
        )
    }
}

/// Quantises rows, ready to run on any thread.
struct QuantizeKernel {
    /// Floats of a row.
    let inputs: Int
    /// Where they go.
    let target: ck_activations
    private let form: ck_activation_form
    private let set: Int32

    init(_ target: QuantizedActivations, set: Int32) {
        inputs = target.inputs
        self.target = target.kernelView
        form = target.kernelForm
        self.set = set
    }

    /// Quantises `source`, `[rows, inputs]`, into the rows given.
    func run(_ source: UnsafePointer<Float>, to rows: Range<Int>) {
        var part = target
        part.values += rows.lowerBound * Int(target.value_stride)
        part.groups += rows.lowerBound * Int(target.group_stride)
        if let groups = part.pair_groups { part.pair_groups = groups + rows.lowerBound * Int(target.group_stride) }
        let shape = (Int32(rows.count), Int32(inputs))
        withUnsafeBytes(of: shape) {
            let pointer = $0.assumingMemoryBound(to: Int32.self).baseAddress
            ck_quantize_rows(set, source, Int64(inputs), part, pointer, form)
        }
    }
}
