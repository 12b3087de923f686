import Deployments
import Foundation
import JSON
import Models
import Tensors

/// The rows of a run, as a table or as JSON.
struct BenchmarkReport {
    var rows: [BenchmarkRow]

    /// Rates with their spread, and what limits them.
    var table: Table {
        let heading = ["TEST", "TOKENS/S", "LOWEST", "HIGHEST", "GOP/S", "OF PEAK", "GB/S", "OF PEAK", "LIMIT"]
        return Table(
            rows: [heading]
                + rows.map { row in
                    [
                        row.name, Self.format(row.rate), Self.format(row.rates.min() ?? .nan),
                        Self.format(row.rates.max() ?? .nan), Self.format(row.operationRate / 1e9),
                        Self.percent(row.arithmeticShare), Self.format(row.byteRate / 1e9),
                        Self.percent(row.readingShare), row.limit.rawValue,
                    ]
                }
        )
    }

    /// The ceilings beside each row, and the bound that they make.
    var roofline: Table {
        let heading = [
            "ROOFLINE", "8-BIT GOP/S", "F32 GOP/S", "READ GB/S", "OPS/BYTE", "RIDGE", "BOUND", "REACHED", "LIMIT",
        ]
        return Table(
            rows: [heading]
                + rows.map { row in
                    [
                        row.name, Self.format(row.ceilings.dotRate / 1e9),
                        Self.format(row.ceilings.multiplyAddRate / 1e9), Self.format(row.ceilings.readRate / 1e9),
                        Self.format(row.intensity), Self.format(row.ridge), Self.format(row.bound),
                        Self.percent(row.boundShare), row.limit.rawValue,
                    ]
                }
        )
    }

    /// Everything. `prefill` and `decode` are the rates of the first row of each kind.
    func json(_ configuration: DeploymentConfiguration) -> JSONValue {
        let first = { (kind: BenchmarkKind) in rows.first { $0.kind == kind }?.rates ?? [] }
        return [
            "model": .string(configuration.name),
            "threads": .integer(Int64(configuration.threadCount)),
            "isa": .string(configuration.instructionSet.name),
            "weight_type": configuration.weightType.map { .string($0.name) } ?? .null,
            "rows": .array(rows.map(Self.json)),
            "prefill": .array(first(.prefill).map { .number($0) }),
            "decode": .array(first(.decode).map { .number($0) }),
        ]
    }

    private static func json(_ row: BenchmarkRow) -> JSONValue {
        let perToken = { (count: Int) in JSONValue.number(Double(count) / Double(row.work.tokenCount)) }
        let work = row.work.work
        return [
            "kind": .string(row.kind.rawValue),
            "prompt": .integer(Int64(row.measured.promptCount)),
            "generate": .integer(Int64(row.measured.generatedCount)),
            "streams": .integer(Int64(row.measured.streamCount)),
            "rates": .array(row.rates.map { .number($0) }),
            "median": .number(row.rate),
            "per_token": [
                "dot_operations": perToken(work.dotOperations),
                "float_operations": perToken(work.floatOperations),
                "weight_bytes": perToken(work.weightBytes),
                "cache_bytes": perToken(work.cacheBytes),
            ],
            "operations_per_second": .number(row.operationRate),
            "bytes_per_second": .number(row.byteRate),
            "arithmetic_share": .number(row.arithmeticShare),
            "reading_share": .number(row.readingShare),
            "ceilings": [
                "dot_operations_per_second": .number(row.ceilings.dotRate),
                "float_operations_per_second": .number(row.ceilings.multiplyAddRate),
                "bytes_per_second": .number(row.ceilings.readRate),
            ],
            "operations_per_byte": .number(row.intensity),
            "ridge": .number(row.ridge),
            "bound": .number(row.bound),
            "bound_share": .number(row.boundShare),
            "limit": .string(row.limit.rawValue),
        ]
    }

    private static func format(_ value: Double) -> String { String(format: abs(value) < 100 ? "%.1f" : "%.0f", value) }
    private static func percent(_ share: Double) -> String { String(format: "%.0f %%", 100 * share) }
}
