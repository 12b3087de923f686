import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Measures the matrix products against what this machine can do at best, in the same run: 8-bit dot products on
/// registers for many rows, a plain read of memory for one row.
///
///     swift run -c release kernel-bench [threads] [filter]
@main
struct KernelBench {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        let threads = arguments.first.flatMap { Int($0) }
        let filter = arguments.dropFirst().first ?? ""
        print("instruction sets: \(InstructionSet.available.map(\.name).joined(separator: " "))")
        for threadCount in threads.map({ [$0] }) ?? [1, 2] {
            Bench(threadCount: threadCount).run(filter: filter)
            if filter.isEmpty || filter == "attention" { AttentionBench(threadCount: threadCount).run() }
        }
    }
}

/// Seconds; with one thread of the processor's time rather than the clock's: other work on the machine counts for less.
func benchmarkClock(threadCount: Int) -> Double {
    var time = timespec()
    clock_gettime(threadCount == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// A matrix shape of a known model.
private struct Shape {
    var model: String
    var outputs: Int
    var inputs: Int
    var types: [ElementType]

    static let all: [Shape] = [
        Shape(model: "SmolLM2-135M", outputs: 576, inputs: 576, types: [.q4_1]),
        Shape(model: "SmolLM2-135M", outputs: 1536, inputs: 576, types: [.q4_1]),
        Shape(model: "SmolLM2-135M", outputs: 576, inputs: 1536, types: [.q4_1]),
        Shape(model: "SmolLM2-135M", outputs: 49152, inputs: 576, types: [.q4_1]),
        Shape(model: "Llama-1B", outputs: 2048, inputs: 2048, types: [.q4_0, .q4_K, .q6_K, .q8_0, .f16, .bf16]),
        Shape(model: "Llama-1B", outputs: 8192, inputs: 2048, types: [.q4_0, .q4_K, .q6_K, .q8_0]),
        Shape(model: "Llama-1B", outputs: 2048, inputs: 8192, types: [.q4_0, .q4_K, .q6_K, .q8_0]),
    ]
}

private final class Bench {
    let compute: Compute
    let workers: WorkerPool
    let ceilings: MachineCeilings
    let repeats = 7

    init(threadCount: Int) {
        workers = WorkerPool(threadCount: threadCount)
        compute = Compute(workers: workers)
        ceilings = MachineCeilings(instructionSet: compute.instructionSet, workers: workers) {
            benchmarkClock(threadCount: threadCount)
        }
    }

    func run(filter: String) {
        print("\n\(workers.threadCount) threads, \(compute.instructionSet.name)")
        print("region: \(format(regionCost() * 1e6, 2)) µs")
        for shape in Shape.all {
            for type in shape.types {
                let name = "\(shape.model) \(shape.outputs)x\(shape.inputs) \(type.name)"
                if filter.isEmpty || name.contains(filter) { measure(shape, type, name) }
            }
        }
    }

    /// Ceilings are measured beside every shape: other work on the machine moves both alike.
    private func measure(_ shape: Shape, _ type: ElementType, _ name: String) {
        let copies = streamedCopies(shape, type)
        let isFloat = type.blockSize == 1
        var line = name.padded(to: 34)
        let ceiling = isFloat ? ceilings.multiplyAddRate() : ceilings.dotRate()
        for rows in [512, 32, 8] {
            let rate = productRate(copies[0], rows: rows)
            line += " M=\(rows): \(format(rate / 1e9, 0)) GOP/s (\(format(100 * rate / ceiling, 0)) %)".padded(to: 26)
        }
        let reading = ceilings.readRate()
        let rate = streamRate(copies)
        line += " M=1: \(format(rate / 1e9, 1)) GB/s (\(format(100 * rate / reading, 0)) %)"
        line += "   ceilings \(format(ceiling / 1e9, 0)) GOP/s, \(format(reading / 1e9, 1)) GB/s"
        print(line)
    }

    /// So many packed copies that one pass over them reads memory, not a cache.
    private func streamedCopies(_ shape: Shape, _ type: ElementType) -> [PackedMatrix] {
        let bytes = type.bytes(forElementCount: shape.outputs * shape.inputs) ?? 0
        let stored = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
        defer { stored.deallocate() }
        var state: UInt64 = 1
        for index in stored.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Exponents of halves and floats stay small.
            stored[index] = UInt8(truncatingIfNeeded: state >> 33) & 0x37
        }
        let source = PackedMatrix.Source(
            bytes: UnsafeRawBufferPointer(stored),
            elementType: type,
            outputs: shape.outputs
        )
        var copies: [PackedMatrix] = []
        while copies.reduce(0, { $0 + $1.byteCount }) < 256 << 20 {
            guard let copy = try? PackedMatrix(packing: [source], inputs: shape.inputs, on: workers) else { break }
            copies.append(copy)
        }
        return copies
    }

    private func productRate(_ matrix: PackedMatrix, rows: Int) -> Double {
        let x = activations(rows: rows, inputs: matrix.inputs)
        let y = FloatMatrix(rows: rows, width: matrix.outputs)
        let operations = 2.0 * Double(rows) * Double(matrix.outputs) * Double(matrix.inputs)
        return operations / median { compute.matMul(matrix, x, into: y) }
    }

    private func streamRate(_ copies: [PackedMatrix]) -> Double {
        let x = activations(rows: 1, inputs: copies[0].inputs)
        let y = FloatMatrix(rows: 1, width: copies[0].outputs)
        let bytes = Double(copies.reduce(0) { $0 + $1.byteCount })
        return bytes / median { for copy in copies { compute.matMul(copy, x, into: y) } }
    }

    private func activations(rows: Int, inputs: Int) -> FloatMatrix {
        let x = FloatMatrix(rows: rows, width: inputs)
        for index in x.elements.indices { x.elements[index] = Float((index &* 7919) % 255 - 127) / 64 }
        return x
    }

    private func regionCost() -> Double {
        let regions = 20_000
        return median { for _ in 0..<regions { workers.run(taskCount: workers.threadCount) { _ in } } }
            / Double(regions)
    }

    private func median(_ work: () -> Void) -> Double {
        work()
        let times = (0..<repeats).map { _ in
            let start = now()
            work()
            return now() - start
        }
        return times.sorted()[repeats / 2]
    }

    private func now() -> Double { benchmarkClock(threadCount: workers.threadCount) }

    private func format(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        return digits == 0 && rounded.isFinite ? "\(Int(rounded))" : "\(rounded)"
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
