import CKernels
import Testing

@testable import Tensors

/// Ceilings are figures that the same machine bears out, not constants.
@Suite struct MachineCeilingsTests {
    @Test(arguments: InstructionSet.available)
    func `twice the rounds are twice the operations`(set: InstructionSet) {
        for loop in [ck_ceiling_dot, ck_ceiling_multiply_add] {
            let once = loop(set.rawValue, 1_000)
            #expect(once > 0)
            #expect(loop(set.rawValue, 2_000) == 2 * once)
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a read sees every byte and none beyond`(set: InstructionSet) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 64)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        #expect(ck_ceiling_read(set.rawValue, bytes.baseAddress, 1536) == 0)
        for word in 0..<192 {
            bytes.storeBytes(of: 1 << (word % 64), toByteOffset: 8 * word, as: UInt64.self)
            #expect(ck_ceiling_read(set.rawValue, bytes.baseAddress, 1536) == 1 << (word % 64), "word \(word)")
            bytes.storeBytes(of: 0, toByteOffset: 8 * word, as: UInt64.self)
        }
        bytes[1536] = 1
        #expect(ck_ceiling_read(set.rawValue, bytes.baseAddress, 1536) == 0)
    }

    @Test(arguments: [1, 3])
    func `every ceiling is measured, whatever the size that is read`(threadCount: Int) {
        let ceilings = MachineCeilings(instructionSet: .detected, workers: WorkerPool(threadCount: threadCount))
        for readBytes in [0, 100_000, Int.max] {
            let sample = ceilings.sample(readBytes: readBytes)
            for rate in [sample.dotRate, sample.multiplyAddRate, sample.readRate] {
                #expect(rate.isFinite && rate > 1e6)
            }
        }
    }
}
