import CKernels

/// Why weights could not be packed.
package enum PackingError: Error, Equatable, CustomStringConvertible {
    /// No kernel multiplies with elements of this type.
    case unsupportedType(ElementType)
    /// A row of this many inputs is not whole blocks of the type, or too long.
    case unsupportedInputs(Int, ElementType)
    /// The stored bytes are not as many as the shape needs.
    case wrongByteCount(found: Int, expected: Int)
    /// The system gives no memory for the panels.
    case memoryRefused(bytes: Int)

    package var description: String {
        switch self {
        case .unsupportedType(let type): "there is no product with \(type.name) weights"
        case .unsupportedInputs(let inputs, let type):
            "rows of \(inputs) inputs are not whole blocks of \(type.blockSize) as \(type.name) needs"
        case .wrongByteCount(let found, let expected): "found \(found) bytes where the shape needs \(expected)"
        case .memoryRefused(let bytes):
            "the system gives no \(bytes) bytes of address space for them (ulimit -v, vm.overcommit_memory)"
        }
    }
}

/// Weights `[outputs, inputs]` in the layout that the kernels read: panels of 16 outputs.
///
/// Several stored matrices may stand under one another, each in its own type: query, key and value, or gate and up, are
/// one product that way. Packing keeps every bit, so that `gather` gives back what the checkpoint holds; of f16 and bf16
/// rows in whole groups of 32 it keeps 16 bits below the largest of a group.
/// `docs/design/0002-packed-panels.md` describes the layout.
///
/// The panels are memory of its own, or a part of a file that is mapped for reading.
///
/// Unchecked: the panels are written in `init` only.
package final class PackedMatrix: @unchecked Sendable {
    /// A stored matrix `[outputs, inputs]`, rows of whole blocks one after the other.
    package struct Source {
        package var bytes: UnsafeRawBufferPointer
        package var elementType: ElementType
        package var outputs: Int

        package init(bytes: UnsafeRawBufferPointer, elementType: ElementType, outputs: Int) {
            self.bytes = bytes
            self.elementType = elementType
            self.outputs = outputs
        }
    }

    /// One stored matrix in panels.
    struct Section {
        var panels: ck_panels
        /// Its first output among all of the matrix's.
        var firstOutput: Int
        var elementType: ElementType
        var panelCount: Int { (Int(panels.outputs) + 15) / 16 }
        var byteCount: Int { panelCount * Int(panels.panel_bytes) }
        func address(ofPanel panel: Int) -> UnsafePointer<UInt8>? {
            panels.bytes.map { UnsafePointer($0 + panel * Int(panels.panel_bytes)) }
        }
        /// Whether products with it can compute two steps in one dot product.
        var canPairSteps: Bool { ck_type_pairs_steps(panels.type) }
        /// What it multiplies.
        var form: ActivationForm { ActivationForm(ck_form_of(panels.type, Int64(panels.inputs))) }
    }

    /// Rows of the result, the sum over the sources.
    package let outputs: Int
    /// Width of the activations.
    package let inputs: Int
    /// Bytes of the panels.
    package let byteCount: Int
    /// In memory without a reference count: a step that counts one takes the line from the threads that read what lies behind it.
    let sections: UnsafeBufferPointer<Section>
    /// What products with it take, where that is one form for all outputs.
    package let soleForm: ActivationForm?
    /// Whether products with some, and with all, of those weights that take 8 bits can compute two steps in one dot product.
    let pairingSections: (some: Bool, all: Bool)
    /// Keeps the panels where they are: memory of its own, or the mapping that they are a part of.
    private let memory: AnyObject

    /// One stored matrix without its bytes.
    package struct Part: Sendable, Equatable {
        package var elementType: ElementType
        package var outputs: Int

        package init(elementType: ElementType, outputs: Int) {
            self.elementType = elementType
            self.outputs = outputs
        }
    }

    /// Packs the sources under one another.
    package convenience init(
        packing sources: [Source],
        inputs: Int,
        on workers: WorkerPool
    ) throws(PackingError) {
        var sections: [Section] = []
        var outputs = 0
        for source in sources {
            let part = Part(elementType: source.elementType, outputs: source.outputs)
            sections.append(try Self.section(of: part, inputs: inputs, firstOutput: outputs))
            try Self.requireBytes(of: source, inputs: inputs)
            outputs += source.outputs
        }
        let byteCount = sections.reduce(0) { $0 + $1.byteCount }
        guard let memory = ReservedMemory(offered: max(byteCount, 64)) else {
            throw .memoryRefused(bytes: byteCount)
        }
        self.init(sections, inputs: inputs, at: memory.start, memory: memory)
        for (section, source) in zip(self.sections, sources) { Self.pack(source, into: section, on: workers) }
    }

    /// Takes panels that were packed before, as `panelBytes` gave them.
    ///
    /// - Parameters:
    ///   - panels: 64-byte aligned, never written again.
    ///   - parts: what was packed, in order.
    ///   - owner: keeps `panels` where they are as long as it lives.
    package convenience init(
        panels: UnsafeRawBufferPointer,
        of parts: [Part],
        inputs: Int,
        owner: any AnyObject & Sendable
    ) throws(PackingError) {
        let sections = try Self.sections(of: parts, inputs: inputs)
        let expected = sections.reduce(0) { $0 + $1.byteCount }
        guard panels.count == expected else { throw .wrongByteCount(found: panels.count, expected: expected) }
        precondition(Int(bitPattern: panels.baseAddress) % 64 == 0, "PackedMatrix: panels that are not aligned")
        let start = UnsafeMutableRawPointer(mutating: panels.baseAddress)
        self.init(sections, inputs: inputs, at: start, memory: owner)
    }

    /// Bytes of the panels of `parts` under one another.
    package static func byteCount(of parts: [Part], inputs: Int) throws(PackingError) -> Int {
        try sections(of: parts, inputs: inputs).reduce(0) { $0 + $1.byteCount }
    }

    private static func sections(of parts: [Part], inputs: Int) throws(PackingError) -> [Section] {
        var sections: [Section] = []
        var outputs = 0
        for part in parts {
            sections.append(try section(of: part, inputs: inputs, firstOutput: outputs))
            outputs += part.outputs
        }
        return sections
    }

    private init(_ planned: [Section], inputs: Int, at start: UnsafeMutableRawPointer?, memory: AnyObject) {
        self.inputs = inputs
        self.memory = memory
        outputs = planned.reduce(0) { $0 + Int($1.panels.outputs) }
        byteCount = planned.reduce(0) { $0 + $1.byteCount }
        var next = start?.assumingMemoryBound(to: UInt8.self)
        let placed = UnsafeMutableBufferPointer<Section>.allocate(capacity: planned.count)
        for (index, section) in planned.enumerated() {
            placed.initializeElement(at: index, to: section)
            placed[index].panels.bytes = next
            next = next.map { $0 + section.byteCount }
        }
        sections = UnsafeBufferPointer(placed)
        let forms = planned.map(\.form)
        soleForm = Set(forms).count == 1 ? forms[0] : nil
        let pairs = planned.filter { $0.form == .int8 }.map(\.canPairSteps)
        pairingSections = (pairs.contains(true), !pairs.contains(false))
    }

    deinit { sections.deallocate() }

    /// The panels, `byteCount` of them, valid as long as the matrix lives.
    package var panelBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: sections.first?.panels.bytes, count: byteCount)
    }

    private static func section(
        of source: Part,
        inputs: Int,
        firstOutput: Int
    ) throws(PackingError) -> Section {
        let type = source.elementType
        if ck_panel_bytes(Int32(type.rawValue), Int64(type.blockSize)) == 0 { throw .unsupportedType(type) }
        let limit = Int(Int32.max)
        guard inputs > 0, inputs % type.blockSize == 0, inputs <= limit, source.outputs <= limit - 16,
            source.outputs >= 0
        else { throw .unsupportedInputs(inputs, type) }
        let panels = ck_panels(
            bytes: nil,
            panel_bytes: ck_panel_bytes(Int32(type.rawValue), Int64(inputs)),
            type: Int32(type.rawValue),
            inputs: Int32(inputs),
            outputs: Int32(source.outputs),
            ahead: 0
        )
        return Section(panels: panels, firstOutput: firstOutput, elementType: type)
    }

    private static func requireBytes(of source: Source, inputs: Int) throws(PackingError) {
        guard let rowBytes = source.elementType.bytes(forElementCount: inputs) else {
            throw .unsupportedInputs(inputs, source.elementType)
        }
        let (expected, overflow) = rowBytes.multipliedReportingOverflow(by: source.outputs)
        if overflow || source.bytes.count != expected {
            throw .wrongByteCount(found: source.bytes.count, expected: overflow ? .max : expected)
        }
    }

    private static func pack(_ source: Source, into section: Section, on workers: WorkerPool) {
        guard let rowBytes = source.elementType.bytes(forElementCount: Int(section.panels.inputs)) else { return }
        nonisolated(unsafe) let rows = source.bytes.baseAddress
        let panelCount = section.panelCount
        let panelsPerTask = 8
        workers.run(taskCount: (panelCount + panelsPerTask - 1) / panelsPerTask) { task in
            let first = task * panelsPerTask
            withUnsafePointer(to: section.panels) {
                let end = Int32(min(first + panelsPerTask, panelCount))
                ck_pack_panels($0, rows, Int64(rowBytes), Int32(first), end)
            }
        }
    }

    /// Whether products with it take activations of `form`, for at least a part of the outputs.
    package func wants(_ form: ActivationForm) -> Bool { sections.contains { $0.form == form } }

    /// Outputs whose products take activations of `form`.
    package func outputCount(taking form: ActivationForm) -> Int {
        sections.reduce(0) { $0 + ($1.form == form ? Int($1.panels.outputs) : 0) }
    }

    /// Writes the weights of one output as float32, `[inputs]`, as the panels hold them.
    package func unpack(output: Int, into values: UnsafeMutablePointer<Float>) {
        precondition(output >= 0 && output < outputs, "PackedMatrix: output \(output) of \(outputs)")
        for section in sections.reversed() where output >= section.firstOutput {
            return withUnsafePointer(to: section.panels) {
                ck_unpack_output($0, Int32(output - section.firstOutput), values)
            }
        }
    }

    /// Writes row `outputs[i]` of the weights as row `i` of `matrix`, which becomes `[outputs.count, inputs]`: the
    /// embedding of tokens.
    package func gather(_ outputs: [Int32], into matrix: FloatMatrix, compute: Compute) {
        matrix.reshape(rows: outputs.count, width: inputs)
        gather(outputs, rows: 0..<outputs.count, into: matrix, compute: compute)
    }

    /// The same for some rows of a matrix that has its shape; the others stay as they are.
    package func gather(_ outputs: [Int32], rows: Range<Int>, into matrix: FloatMatrix, compute: Compute) {
        precondition(
            matrix.width == inputs && matrix.rows == outputs.count && rows.upperBound <= outputs.count
                && rows.lowerBound >= 0,
            "gather: rows \(rows) of [\(matrix.rows), \(matrix.width)]"
        )
        outputs.withUnsafeBufferPointer { outputs in
            let job = (weights: self, outputs: outputs, target: matrix.pointer, first: rows.lowerBound)
            compute.overRows(rows.count, floatsPerRow: 4 * inputs, job) { job, run in
                let weights = job.pointee.weights
                for offset in run.rows {
                    let row = job.pointee.first + offset
                    let output = Int(job.pointee.outputs[row])
                    weights.unpack(output: output, into: job.pointee.target + row * weights.inputs)
                }
            }
        }
    }
}
