import CKernels

/// What the kernels may execute. Chosen once, at start, and passed down; nothing below the command line reads the
/// environment for it.
package enum InstructionSet: Int32, Sendable, CaseIterable, Comparable {
    /// Plain C: every machine, and the reference for the others.
    case portable = 0
    /// AVX2 with FMA and F16C.
    case avx2 = 1
    /// AVX-512 F, BW, DQ and VL.
    case avx512 = 2
    /// AVX-512 with the 8-bit dot product (`vpdpbusd`).
    case avx512vnni = 3
    /// AArch64 Advanced SIMD.
    case neon = 4

    /// The sets that this machine can execute, slowest first; never empty.
    package static let available: [InstructionSet] = allCases.filter {
        ck_instruction_set_is_available($0.rawValue)
    }

    /// The fastest set that this machine can execute.
    package static let detected: InstructionSet = available.last ?? .portable

    /// The set of a name as `description` writes it (`avx512vnni`; dashes are ignored), or nil.
    package init?(named name: String) {
        let plain = name.lowercased().filter { $0 != "-" && $0 != "_" }
        guard let set = Self.allCases.first(where: { $0.name == plain }) else { return nil }
        self = set
    }

    /// The name users know: `portable`, `avx2`, `avx512`, `avx512vnni`, `neon`.
    package var name: String { String(describing: self) }

    /// Whether this machine can execute it.
    package var isAvailable: Bool { Self.available.contains(self) }

    /// Whether this machine can compute two steps of a product in one dot product, and whether it is faster so.
    package var canPairSteps: Bool { ck_can_pair_steps(rawValue) }
    var pairsSteps: Bool { ck_pairs_steps(rawValue) }

    package static func < (left: InstructionSet, right: InstructionSet) -> Bool { left.rawValue < right.rawValue }
}
