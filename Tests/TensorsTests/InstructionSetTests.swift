import Testing

@testable import Tensors

@Suite struct InstructionSetTests {
    @Test func `the portable set is always there and the detected one is available`() {
        #expect(InstructionSet.available.contains(.portable))
        #expect(InstructionSet.available.contains(InstructionSet.detected))
    }

    @Test(arguments: InstructionSet.allCases)
    func `a set is found by its name, with or without dashes`(set: InstructionSet) {
        #expect(InstructionSet(named: set.name) == set)
        #expect(InstructionSet(named: set.name.uppercased()) == set)
    }

    @Test func `dashed and unknown names`() {
        #expect(InstructionSet(named: "avx512-vnni") == .avx512vnni)
        #expect(InstructionSet(named: "altivec") == nil)
        #expect(InstructionSet(named: "") == nil)
    }
}
