import Foundation
import JSON

@testable import Deployments

/// A local server that speaks the hub's protocol (`Tests/oracles/hub_server.py`), in a process of its own that ends
/// with this value.
final class HubServer {
    let port: Int
    /// Port of the content server that large files are redirected to.
    let contentPort: Int

    private let process = Process()
    private let input = Pipe()
    private let log: String
    private let folder: TemporaryFolder

    init(_ scenario: JSONValue, in folder: TemporaryFolder) throws {
        self.folder = folder
        let scenarioPath = folder.path + "/scenario.json"
        log = folder.path + "/requests.log"
        try Data(scenario.serialized().utf8).write(to: URL(fileURLWithPath: scenarioPath))
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("oracles/hub_server.py").path
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script, scenarioPath, log]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n"), let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
            line.append(byte)
        }
        let ports = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard ports.count == 2 else { throw HubServerError(status: "hub_server.py did not start") }
        (port, contentPort) = (ports[0], ports[1])
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Address of the hub.
    var endpoint: String { "http://127.0.0.1:\(port)" }

    /// Every request so far, oldest first.
    func requests() throws -> [JSONValue] {
        let text = try String(contentsOfFile: log, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }
}

/// Why the server is not there.
struct HubServerError: Error {
    let status: String
}
