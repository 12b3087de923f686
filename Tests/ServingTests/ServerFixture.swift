import Deployments
import Foundation
import Inference
import JSON
import Logging
import Models
import Serving
import Storage
import Synchronization
import TestModels
import Testing
import Tokenization

/// A deployment of the real engine over a model that answers by a script, byte by byte.
///
/// Token ids 0 to 255 are bytes, 256 ends an answer. The answer to every prompt is `Héllo!`; what stands behind the last
/// line break counts as answer so far. A prompt with `endless` in it is answered by `a` without end, a millisecond each;
/// with `held:` and a character in it, too, but a quarter of a second each from the second token on, until `letGo` is called
/// with that character: so that it still runs when a test gets round to it, however busy the machine is. Each test has one of
/// its own.
enum ScriptedDeployment {
    private static let released = Mutex<Set<Character>>([])

    /// Lets answers to prompts with `held:` and this character go on at full speed, for good.
    static func letGo(_ key: Character) { released.withLock { _ = $0.insert(key) } }

    /// Whether the prompt is held.
    private static func isHolding(_ bytes: [UInt8]) -> Bool {
        guard let range = Data(bytes).range(of: Data("held:".utf8)), range.upperBound < bytes.count else {
            return false
        }
        let key = Character(Unicode.Scalar(bytes[range.upperBound]))
        return !released.withLock { $0.contains(key) }
    }

    static let end = 256
    static let answer = Array("Héllo!".utf8)
    static let template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ '\\n' }}{% endfor %}"

    /// What the engine has room for.
    struct Room {
        var contextLength = 4096
        /// Blocks of the cache, of 8 tokens each.
        var blockCount = 2048
        var limits = StepLimits.standard
        var scheduling = Scheduling.fair
    }

    static func make(
        name: String = "scripted",
        aliases: [String] = [],
        room: Room = Room(),
        template: String = template,
        samplingDefaults: SamplingDefaults = SamplingDefaults(),
        adapters: AdapterRegistry? = nil,
        answering answer: String? = nil
    ) throws -> Deployment {
        let model = ScriptedModel(vocabularySize: 257, contextLength: room.contextLength) { tokens, logits in
            if let answer { write(answer, after: tokens, logits) } else { write(tokens, logits) }
        }
        let traits = model.traits
        var configuration = try EngineConfiguration(
            cacheSize: .blocks(room.blockCount),
            blockSize: 8,
            limits: room.limits
        )
        configuration.scheduling = room.scheduling
        let engine = try Engine(model: model, configuration: configuration)
        return Deployment(
            identity: DeploymentIdentity(
                name: name,
                aliases: aliases,
                created: Date(timeIntervalSince1970: 1_700_000_000),
                samplingDefaults: samplingDefaults
            ),
            details: ModelDetails(
                architecture: traits.architecture,
                parameterCount: 0,
                vocabularySize: traits.vocabularySize,
                contextLength: room.contextLength,
                path: "memory"
            ),
            tokenizer: try tokenizer(),
            chatTemplate: try ChatTemplate(source: template),
            adapters: adapters,
            backend: engine
        )
    }

    /// Overwrites the logits of the token after `tokens`: one token is almost certain, its neighbour comes second.
    private static func write(_ tokens: [TokenID], _ logits: UnsafeMutableBufferPointer<Float>) {
        let start = tokens.lastIndex(of: TokenID(10)).map { $0 + 1 } ?? 0
        let bytes = tokens.map { UInt8(truncatingIfNeeded: $0.rawValue) }
        var next = end
        if Data(bytes).range(of: Data("endless".utf8)) != nil {
            usleep(1000)
            next = Int(UInt8(ascii: "a"))
            if start < tokens.count, isHolding(bytes) { usleep(250_000) }
        } else if tokens.count - start < answer.count {
            next = Int(answer[tokens.count - start])
        }
        for index in logits.indices { logits[index] = -20 }
        logits[next] = 10
        logits[(next + 1) % 257] = -2
    }

    /// The same for an answer of the test's own: its longest beginning that ends `tokens` is gone on with.
    private static func write(
        _ answer: String,
        after tokens: [TokenID],
        _ logits: UnsafeMutableBufferPointer<Float>
    ) {
        let answer = answer.utf8.map { TokenID(Int($0)) } + [TokenID(end)]
        let written = (0..<answer.count).last { tokens.suffix($0) == answer.prefix($0) } ?? 0
        for index in logits.indices { logits[index] = -20 }
        logits[Int(answer[written].rawValue)] = 10
    }

    /// A byte-level tokenizer without merges, read from files as any other.
    private static func tokenizer() throws -> Tokenizer {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("scripted-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var vocabulary: JSONObject = [:]
        for (byte, character) in byteCharacters().enumerated() { vocabulary[character] = .integer(Int64(byte)) }
        let special: JSONValue = [
            "id": 256, "content": "<|end|>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        ]
        vocabulary["<|end|>"] = 256
        let tokenizer: JSONValue = [
            "version": "1.0", "added_tokens": [special],
            "pre_tokenizer": [
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
            ],
            "decoder": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
            "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
        ]
        let configuration: JSONValue = ["eos_token": "<|end|>", "tokenizer_class": "GPT2Tokenizer"]
        try Data(tokenizer.serializedBytes()).write(to: folder.appendingPathComponent("tokenizer.json"))
        try Data(configuration.serializedBytes()).write(to: folder.appendingPathComponent("tokenizer_config.json"))
        return try Tokenizer(huggingFaceFolder: folder)
    }

    /// The printable character that stands for each byte in byte-level vocabularies.
    private static func byteCharacters() -> [String] {
        var next: UInt32 = 256
        return (0..<256).map { byte in
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            if isPrintable { return String(UnicodeScalar(UInt8(byte))) }
            defer { next += 1 }
            return UnicodeScalar(next).map { String($0) } ?? ""
        }
    }
}

/// A server on a port of its own, with names and times that do not change.
struct RunningServer: Sendable {
    let application: ServingApplication
    let directory: DeploymentDirectory
    let port: Int
    let outcome: Task<StopOutcome, any Error>

    func connect(receiveBytes: Int32? = nil) async throws -> RawConnection {
        try await RawConnection.open(port: port, receiveBytes: receiveBytes)
    }

    /// Sends one request on a connection of its own.
    func send(
        _ method: String,
        _ path: String,
        _ body: String = "",
        headers: [String: String] = [:]
    ) async throws -> RawResponse {
        let connection = try await connect()
        defer { connection.close() }
        try await connection.send(method, path, body, headers: headers)
        return try await connection.response()
    }

    /// Waits until the engine and the server hold no request.
    func waitUntilIdle() async throws {
        try await wait("no request is held") {
            var busy = application.runningCount
            for deployment in directory.deployments {
                let statistics = await deployment.statistics()
                busy += statistics.runningCount + statistics.waitingCount + statistics.usedBlockCount
            }
            return busy == 0
        }
    }

    /// Asks again and again until `condition` holds; minutes without it are a failure, so that no test waits for ever. What
    /// takes a minute is that other tests keep the pool's threads.
    func wait(_ what: String, until condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now.advanced(by: .seconds(300))
        var tries = 0
        while ContinuousClock.now < end || tries < 100 {
            if try await condition() { return }
            tries += 1
            try await pause(milliseconds: 5)
        }
        Issue.record("five minutes have passed and it is not so that \(what)")
    }
}

/// Starts a server, runs `body` against it, stops it and checks that it came to a graceful end.
func withServer(
    _ configure: (inout ServingConfiguration) -> Void = { _ in },
    directory: DeploymentDirectory? = nil,
    storage: (any RecordStore)? = nil,
    _ body: (RunningServer) async throws -> Void
) async throws {
    var configuration = ServingConfiguration()
    configuration.port = 0
    configuration.gracePeriod = .seconds(10)
    configure(&configuration)
    let directory = try directory ?? DeploymentDirectory([try ScriptedDeployment.make()])
    let server = try await startServer(configuration, directory, storage: storage, signals: [])
    try await body(server)
    server.application.stop()
    #expect(try await server.outcome.value == .drained)
}

func startServer(
    _ configuration: ServingConfiguration,
    _ directory: DeploymentDirectory,
    storage: (any RecordStore)? = nil,
    signals: [StopSignal]
) async throws -> RunningServer {
    var environment = ServingEnvironment()
    environment.now = { Date(timeIntervalSince1970: 1_700_000_000) }
    let names = NameCounter()
    environment.makeID = { names.next() }
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let (ports, port) = AsyncStream<Int>.makeStream()
    let application = ServingApplication(
        configuration: configuration,
        directory: directory,
        environment: environment,
        storage: storage,
        logger: logger
    ) { port.yield($0) }
    let outcome = Task<StopOutcome, any Error> {
        defer { port.finish() }
        return try await application.run(stopSignals: signals)
    }
    for await port in ports {
        return RunningServer(application: application, directory: directory, port: port, outcome: outcome)
    }
    _ = try await outcome.value
    throw RawConnection.Failure(message: "the server ended before it listened")
}

/// `id1`, `id2`, …
private final class NameCounter: Sendable {
    private let count = Atomic<Int>(0)

    func next() -> String { "id\(count.add(1, ordering: .relaxed).newValue)" }
}
