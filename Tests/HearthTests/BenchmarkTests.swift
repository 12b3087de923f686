import ArgumentParser
import Deployments
import JSON
import Models
import Tensors
import Testing

@testable import hearth

/// What `hearth bench` measures, and what it makes of the figures.
@Suite struct BenchmarkTests {
    private func cases(_ words: String) throws -> [BenchmarkCase] {
        let bench = try HearthCommand.parseAsRoot(["bench", "m"] + words.split(separator: " ").map(String.init))
        return try #require(bench as? Bench).cases
    }

    @Test func `without depths every prompt is read and answered, for every number of streams`() throws {
        let cases = try cases("--prompt 16,2048 --streams 1,8 --generate 5")
        #expect(cases.map(\.promptCount) == [16, 16, 2048, 2048])
        #expect(cases.map(\.streamCount) == [1, 8, 1, 8])
        #expect(cases.allSatisfy { $0.kinds == [.prefill, .decode] && $0.generatedCount == 5 && !$0.isCached })
    }

    @Test func `with depths prompts are read alone, and answers start from cached contexts`() throws {
        let sweep = try cases("--prompt 512,2048 --depth 0,4096 --streams 1,8 --generate 5")
        #expect(sweep.prefix(2).map(\.kinds) == [[.prefill], [.prefill]])
        #expect(sweep.prefix(2).map(\.promptCount) == [512, 2048])
        #expect(sweep.prefix(2).allSatisfy { $0.streamCount == 1 && !$0.isCached })
        #expect(sweep.dropFirst(2).allSatisfy { $0.kinds == [.decode] && $0.isCached })
        #expect(sweep.dropFirst(2).map(\.promptCount) == [1, 1, 4096, 4096])
        #expect(sweep.dropFirst(2).map(\.streamCount) == [1, 8, 1, 8])
        #expect(try cases("--depth 7").map(\.promptCount) == [7])
    }

    @Test(arguments: ["--prompt", "--depth", "--generate", "--repetitions"])
    func `counts beyond any context are refused`(option: String) {
        #expect(throws: (any Error).self) { try cases("\(option) \(Int.max)") }
    }

    /// One layer of 10 quantised weights in 5 bytes, 4 for logits in 2 bytes, keys and values of 1 byte, queries of 1.
    private let costs = DecoderCosts(
        layerProducts: [.init(quantizedWeights: 10, floatWeights: 0, byteCount: 5)],
        outputProduct: .init(quantizedWeights: 4, floatWeights: 0, byteCount: 2),
        embeddingBytes: 0,
        attention: ([nil], 1, 1)
    )

    @Test func `a prompt's work is that of steps cut at their limit`() throws {
        let measured = try #require(try cases("--prompt 5").first)
        let work = BenchmarkWork(.prefill, of: measured, costs, tokensPerStep: 2)
        #expect(work.tokenCount == 5 && work.stepCount == 3)
        #expect(work.work.dotOperations == 2 * 10 * 5 + 2 * 4)
        // In the only layer nothing but the token with logits attends, to all 5; every token is written.
        #expect(work.work.floatOperations == 4 * 5)
        #expect(work.work.weightBytes == 3 * 5 + 2)
        #expect(work.work.cacheBytes == 5 + 5)
    }

    @Test func `prompts of several streams share steps`() throws {
        let measured = try #require(try cases("--prompt 3 --streams 2").first)
        let work = BenchmarkWork(.prefill, of: measured, costs, tokensPerStep: 4)
        #expect(work.tokenCount == 6 && work.stepCount == 2)
        #expect(work.work.weightBytes == 2 * 5 + 2 * 2)
    }

    @Test func `an answer's work is a token of every stream in each step`() throws {
        let measured = try #require(try cases("--depth 6 --streams 3 --generate 3").first)
        let work = BenchmarkWork(.decode, of: measured, costs, tokensPerStep: 512)
        // The first token comes from the prompt: two steps, at positions 6 and 7.
        #expect(work.tokenCount == 6 && work.stepCount == 2)
        #expect(work.work.dotOperations == 6 * 2 * (10 + 4))
        #expect(work.work.weightBytes == 2 * (5 + 2))
        #expect(work.work.floatOperations == 3 * 4 * (7 + 8))
        #expect(work.work.cacheBytes == 3 * (7 + 1 + 8 + 1))
    }

    private func row(dotRate: Double, multiplyAddRate: Double, readRate: Double) throws -> BenchmarkRow {
        let measured = try #require(try cases("--depth 6 --generate 2").first)
        // 28 8-bit and 28 float operations, 7 + 8 bytes.
        let work = BenchmarkWork(.decode, of: measured, costs, tokensPerStep: 512)
        let ceilings = CeilingSample(dotRate: dotRate, multiplyAddRate: multiplyAddRate, readRate: readRate)
        return BenchmarkRow(kind: .decode, measured: measured, rates: [1, 2, 40], work: work, ceilings: ceilings)
    }

    @Test func `a row is held against the lowest of its ceilings`() throws {
        let reading = try row(dotRate: 280, multiplyAddRate: 280, readRate: 30)
        #expect(reading.limit == .reading && reading.rate == 2)
        #expect(reading.bound == 2 && reading.boundShare == 1 && reading.readingShare == 1)
        #expect(abs(reading.arithmeticShare - 0.4) < 1e-12)
        #expect(abs(reading.intensity - 56.0 / 15) < 1e-12 && reading.intensity < reading.ridge)
        let arithmetic = try row(dotRate: 28, multiplyAddRate: 7, readRate: 150)
        #expect(arithmetic.limit == .multiplyAdds)
        #expect(arithmetic.bound == 0.2 && arithmetic.boundShare == 10)
        #expect(arithmetic.operationRate == 112 && arithmetic.byteRate == 30)
        #expect(arithmetic.intensity > arithmetic.ridge)
        #expect(try row(dotRate: 7, multiplyAddRate: 28, readRate: 150).limit == .dotProducts)
    }

    @Test func `medians are of odd and of even numbers of values`() {
        #expect([3, 1, 2].median == 2)
        #expect([4, 1, 2, 3].median == 2.5)
        #expect([Double]().median.isNaN)
    }

    @Test func `a report has a line for each row, and rates of the first of each kind`() throws {
        let report = BenchmarkReport(rows: [try row(dotRate: 280, multiplyAddRate: 280, readRate: 30)])
        #expect(report.table.rows.count == 2 && report.roofline.rows.count == 2)
        #expect(report.table.rows[1].prefix(4) == ["decode at 6", "2.0", "1.0", "40.0"])
        let json = report.json(.init(name: "m", path: "p"))
        #expect(json["decode"]?.arrayValue?.compactMap(\.doubleValue) == [1, 2, 40])
        #expect(json["prefill"]?.arrayValue?.isEmpty == true)
        #expect(json["rows"]?[0]?["bound"]?.doubleValue == 2)
        #expect(json["rows"]?[0]?["per_token"]?["weight_bytes"]?.doubleValue == 7)
    }
}
