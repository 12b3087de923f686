import ArgumentParser
import Deployments
import Foundation
import Inference
import Storage
import Tensors
import Testing

@testable import hearth

/// Command lines as users type them.
@Suite struct CommandTests {
    private func parse<Command>(_ words: String, as type: Command.Type = Command.self) throws -> Command {
        try #require(try HearthCommand.parseAsRoot(words.split(separator: " ").map(String.init)) as? Command)
    }

    @Test func `serve takes models and settings in any order`() throws {
        let serve: Serve = try parse("serve a --port 9000 b --alias x --alias y --kv-cache 1G --api-key k --isa avx2")
        #expect(serve.models == ["a", "b"])
        #expect(serve.port == 9000)
        #expect(serve.alias == ["x", "y"])
        #expect(serve.cacheBytes?.bytes == 1 << 30)
        #expect(serve.apiKey == ["k"])
        #expect(serve.compute.instructionSet == "avx2")
        #expect(serve.host == nil)
    }

    @Test func `weights go to the adapters that are named, whether or not they are there yet`() throws {
        let serve: Serve = try parse("serve a b --adapter-weight a:x=2 --adapter-weight b:x=0.5")
        var configurations = [
            DeploymentConfiguration(name: "a", path: "a"), DeploymentConfiguration(name: "b", path: "b"),
        ]
        try serve.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        #expect(configurations.map(\.adapterWeights) == [["x": 2], ["x": 0.5]])
        for words in ["x", "x=", "x=0", "x=-1", "x=nan", "x=inf", "x=much", "=1", "x=1001"] {
            #expect(AdapterWeightArgument(argument: words) == nil)
        }
        let unowned: Serve = try parse("serve a b --adapter-weight x=2")
        #expect(throws: ValidationError.self) {
            try unowned.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        }
    }

    @Test func `scheduling is fair unless somebody says otherwise`() throws {
        let plain: Serve = try parse("serve a")
        let arrival: Serve = try parse("serve a --scheduling arrival")
        #expect(try ServeSettings.scheduling(plain, Environment([:])) == .fair)
        #expect(try ServeSettings.scheduling(plain, Environment(["HEARTH_SCHEDULING": "arrival"])) == .arrival)
        #expect(try ServeSettings.scheduling(arrival, Environment(["HEARTH_SCHEDULING": "fair"])) == .arrival)
        #expect(throws: ValidationError.self) {
            try ServeSettings.scheduling(plain, Environment(["HEARTH_SCHEDULING": "fast"]))
        }
    }

    @Test func `an adapter goes to the model that is named, or to the only one`() throws {
        let serve: Serve = try parse("serve a b --adapter x=/p --adapter b:y=/q=r")
        var configurations = [
            DeploymentConfiguration(name: "a", path: "a"), DeploymentConfiguration(name: "b", path: "b"),
        ]
        #expect(throws: ValidationError.self) {
            try serve.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        }
        configurations[0].isEmbedder = true
        try serve.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        let expected = [AdapterReference(name: "x", path: "/p"), AdapterReference(name: "y", path: "/q=r")]
        #expect(configurations[0].adapters == [] && configurations[1].adapters == expected)
        let other: Serve = try parse("serve a --adapter c:x=/p")
        #expect(throws: ValidationError.self) {
            try other.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        }
        let sized: Serve = try parse("serve a --adapter-bytes 1G")
        try sized.adapters.apply(
            to: &configurations,
            store: ModelStore(root: "/h"),
            Environment(["HEARTH_ADAPTER_BYTES": "2G"])
        )
        let kept = AdapterFolder(path: "/h/adapters/b")
        #expect(configurations[1].adapterFolders == [kept])
        let watching: Serve = try parse("serve a b --adapter-folder b=/w --adapter-folder /v")
        try watching.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        let watched = ["/w", "/v"].map { AdapterFolder(path: $0) }
        #expect(configurations[1].adapterFolders == [kept] + watched)
        #expect(configurations[1].adapterBytes == 1 << 30 && !sized.adapters.allowsUpdates(Environment([:])))
        #expect(configurations[1].adapterPrecision == .int5)
        let exact: Serve = try parse("serve a --adapter-type Exact")
        try exact.adapters.apply(
            to: &configurations,
            store: ModelStore(root: "/h"),
            Environment(["HEARTH_ADAPTER_TYPE": "int6"])
        )
        #expect(configurations[1].adapterPrecision == .exact)
        for (name, value) in [("HEARTH_ADAPTER_BYTES", "much"), ("HEARTH_ADAPTER_TYPE", "f16")] {
            #expect(throws: ValidationError.self) {
                try serve.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([name: value]))
            }
        }
        for words in ["x", "=p", "x=", ":x=p", "a:=p"] {
            #expect(AdapterArgument(argument: words) == nil)
        }
    }

    @Test func `a disk cache is off until its size or its folder is named`() throws {
        let plain: Serve = try parse("serve m")
        #expect(try plain.diskCache.configuration(Environment([:])) == nil)
        let sized: Serve = try parse("serve m --cache-disk-bytes 2G --cache-ttl 12h --cache-dir /x")
        let configuration = try #require(try sized.diskCache.configuration(Environment([:])))
        #expect(configuration.folder == "/x")
        #expect(configuration.byteLimit == 2 << 30)
        #expect(configuration.timeToLive == .seconds(43_200))
        let variables = Environment(["HEARTH_CACHE_DISK_BYTES": "1G", "XDG_CACHE_HOME": "/y"])
        #expect(try plain.diskCache.configuration(variables)?.folder == "/y/hearth/prefixes")
        let old: Serve = try parse("serve m --cache-ttl 7d")
        #expect(throws: ValidationError.self) { try old.diskCache.configuration(Environment([:])) }
    }

    @Test func `responses are stored in the store unless told otherwise`() throws {
        let plain: Serve = try parse("serve m")
        #expect(plain.storage.setting(Environment(["HEARTH_HOME": "/h"])).value == "/h/storage.sqlite")
        #expect(plain.storage.setting(Environment(["HEARTH_STORAGE": "memory"])).value == "memory")
        let off: Serve = try parse("serve m --storage off")
        #expect(try off.storage.open(Environment(["HEARTH_STORAGE": "memory"])) == nil)
        #expect(try plain.storage.open(Environment(["HEARTH_STORAGE": "memory"])) is MemoryStore)
    }

    @Test func `a place that cannot be written is an error only where it was named`() throws {
        let plain: Serve = try parse("serve m")
        #expect(try plain.storage.open(Environment(["XDG_DATA_HOME": "/proc"])) is MemoryStore)
        let named: Serve = try parse("serve m --storage /proc/hearth/storage.sqlite")
        #expect(throws: StorageError.self) { try named.storage.open(Environment([:])) }
    }

    @Test func `a damaged storage keeps a server from starting only where it was named, and is left as it is`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("storage.sqlite")
        let damaged = Data(String(repeating: "no database ", count: 1_000).utf8)
        try damaged.write(to: file)
        let plain: Serve = try parse("serve m")
        #expect(try plain.storage.open(Environment(["HEARTH_HOME": folder.path])) is MemoryStore)
        #expect(try Data(contentsOf: file) == damaged)
        #expect(throws: StorageError.self) { try plain.storage.open(Environment(["HEARTH_STORAGE": file.path])) }
    }

    @Test func `a context has tokens, whether a flag or a variable says how many`() throws {
        let plain: Serve = try parse("serve m")
        let flagged: Serve = try parse("serve m --context-length 64")
        #expect(try plain.compute.contextLength(Environment([:])) == nil)
        #expect(try plain.compute.contextLength(Environment(["HEARTH_CONTEXT_LENGTH": "128"])) == 128)
        #expect(try flagged.compute.contextLength(Environment(["HEARTH_CONTEXT_LENGTH": "0"])) == 64)
        for value in ["0", "-5", "2147483648", "9223372036854775808", "many"] {
            #expect(throws: ValidationError.self) {
                try plain.compute.contextLength(Environment(["HEARTH_CONTEXT_LENGTH": value]))
            }
        }
    }

    @Test func `a model that embeds refuses a context without tokens`() {
        var configuration = DeploymentConfiguration(name: "m", path: "m")
        configuration.isEmbedder = true
        configuration.contextLength = 0
        let error = #expect(throws: DeploymentError.self) { try LoadedModel.load(configuration) }
        #expect(error?.description.contains("context of 0 tokens") == true)
    }

    @Test func `more tokens than there are numbers for are told as a sentence`() {
        let error = DeploymentError.contextLengthExceeded(promptTokens: 10, maxTokens: .max, limit: 5)
        #expect(error.description.contains("9223372036854775817 were asked for"))
    }

    @Test func `a command that was used rightly and has nothing to work on has failed`() {
        #expect {
            try TextInput.read(file: "/nonexistent/text")
        } throws: { error in
            HearthCommand.exitCode(for: error) == .failure && "\(error)".contains("/nonexistent/text")
        }
        #expect(HearthCommand.exitCode(for: InputError.modelMissing(name: "m")) == .failure)
        #expect(HearthCommand.exitCode(for: InputError.notText(path: "p")) == .failure)
    }

    @Test func `pins are named, and warmed from a file`() throws {
        let pin: CachePin = try parse("cache pin m policy --system p.txt")
        #expect([pin.model, pin.name, pin.text.system] == ["m", "policy", "p.txt"])
        let warm: CacheWarm = try parse("cache warm m --file p.txt --pin policy --cache-disk-bytes 1G --json")
        #expect(warm.text.file == "p.txt" && warm.pin == "policy" && warm.json)
        let clear: CacheClear = try parse("cache clear m --pinned")
        #expect(clear.model == "m" && clear.pinned)
    }

    @Test func `run joins the words of a question`() throws {
        let run: Run = try parse("run m why is the sky blue -s short --temperature 0")
        #expect(run.prompt.joined(separator: " ") == "why is the sky blue")
        #expect(run.system == "short")
        #expect(run.sampling.temperature == 0)
    }

    @Test func `pack takes several models and makes packs unless told to check`() throws {
        let making: Pack = try parse("pack a b")
        #expect(making.models == ["a", "b"])
        #expect(!making.check)
        let checking: Pack = try parse("pack m --check --json")
        #expect(checking.check && checking.json)
        let serve: Serve = try parse("serve m --no-pack")
        #expect(serve.compute.pack == false)
    }

    @Test func `an empty key is refused, wherever it stands`() throws {
        #expect(try ServeSettings.apiKeys([], variable: nil).isEmpty)
        #expect(try ServeSettings.apiKeys([], variable: "a, b") == ["a", "b"])
        #expect(try ServeSettings.apiKeys(["k"], variable: "") == ["k"])
        for variable in ["", " ", ",", "a,", ",a", "a, ,b"] {
            #expect(throws: ValidationError.self) { try ServeSettings.apiKeys([], variable: variable) }
        }
        #expect(throws: ValidationError.self) { try ServeSettings.apiKeys(["k", " "], variable: nil) }
    }

    @Test func `an origin is taken as browsers spell it, and what is none is refused`() throws {
        #expect(try ServeSettings.origin("*") == "*")
        #expect(try ServeSettings.origin("https://App.example/") == "https://app.example")
        #expect(try ServeSettings.origin("http://localhost:3000") == "http://localhost:3000")
        for text in ["app.example", "https://app.example/path", "", "https://", "://a"] {
            #expect(throws: ValidationError.self) { try ServeSettings.origin(text) }
        }
    }

    @Test func `measurements have the defaults the documents tell`() throws {
        let bench: Bench = try parse("bench m")
        #expect(bench.generate == 64 && bench.repetitions == 5)
        #expect(bench.cases.map(\.promptCount) == [512] && bench.cases.map(\.streamCount) == [1])
        let perplexity: PerplexityCommand = try parse("perplexity m file --json")
        #expect(perplexity.chunk == 256 && perplexity.chunks == 4)
        #expect(perplexity.json)
    }

    @Test(arguments: [
        "serve", "pull", "serve m --threads 0", "serve m --cache-bytes lots", "bench m --generate 1", "perplexity m",
        "bench m --prompt 0", "bench m --prompt 1,,2", "bench m --depth -1", "bench m --streams 8,65",
        "bench m --depth x",
        "tokenize m text --file f", "nonsense", "serve m --port eighty", "serve m --cache-ttl soon", "cache pin m",
        "cache pin m ../name", "cache pin", "perplexity m f --chunk 1", "perplexity m f --chunk 2147483648",
        "perplexity m f --chunks 2147483648", "run m hi --max-tokens 9223372036854775807", "run m hi --max-tokens=-1",
        "run m hi --top-k 2147483648", "run m hi --context-length 0", "bench m --context-length 2147483648",
    ])
    func `wrong usage is refused with the code for it`(words: String) {
        #expect {
            try HearthCommand.parseAsRoot(words.split(separator: " ").map(String.init))
        } throws: { error in
            HearthCommand.exitCode(for: error) == .validationFailure
        }
    }

    @Test func `an instruction set comes from the flag, then the variable, and must exist here`() throws {
        let plain: Bench = try parse("bench m")
        let flagged: Bench = try parse("bench m --isa portable")
        let settings = [
            try flagged.compute.instructionSet(Environment(["HEARTH_ISA": "abacus"])),
            try plain.compute.instructionSet(Environment(["HEARTH_ISA": "portable"])),
        ]
        #expect(settings.map { "\($0.value)" } == ["portable", "portable"])
        let kept: Bench = try parse("bench m --cache-type BF16")
        #expect(try kept.compute.cacheElementType(Environment([:])) == .bf16)
        #expect(try plain.compute.cacheElementType(Environment(["HEARTH_CACHE_TYPE": "f32"])) == .f32)
        #expect(try plain.compute.cacheElementType(Environment(["HEARTH_CACHE_TYPE": "int8"])) == .i8)
        #expect(try plain.compute.cacheElementType(Environment(["HEARTH_ISA": "portable"])) == .f16)
        #expect(try plain.compute.cacheElementType(Environment([:])) == CacheShape.standardElementType(for: .detected))
        #expect(throws: (any Error).self) {
            try plain.compute.cacheElementType(Environment(["HEARTH_CACHE_TYPE": "q2"]))
        }
        #expect(settings.map { $0.sentence } == ["portable (--isa)", "portable (HEARTH_ISA)"])
        let reduced: Bench = try parse("bench m --weight-type Q8_0")
        #expect(try reduced.compute.weightType(Environment(["HEARTH_WEIGHT_TYPE": "q4_0"])) == .q8_0)
        #expect(try plain.compute.weightType(Environment(["HEARTH_WEIGHT_TYPE": "q4_0"])) == .q4_0)
        #expect(try plain.compute.weightType(Environment([:])) == nil)
        #expect(throws: ValidationError.self) {
            try plain.compute.weightType(Environment(["HEARTH_WEIGHT_TYPE": "f16"]))
        }
        #expect(throws: ValidationError.self) {
            try plain.compute.instructionSet(Environment(["HEARTH_ISA": "abacus"]))
        }
        #expect(throws: ValidationError.self) { try plain.compute.threadCount(Environment(["HEARTH_THREADS": "0"])) }
    }

    @Test func `every verb's help has an example`() throws {
        for verb in HearthCommand.configuration.subcommands {
            let text = HearthCommand.helpMessage(for: verb, columns: 120)
            #expect(text.contains("hearth \(verb._commandName)"), "\(verb._commandName) shows no example")
            #expect(verb.configuration.abstract.hasSuffix("."))
        }
    }

    @Test func `columns are as wide as their widest cell`() {
        let table = Table(rows: [["NAME", "SIZE", "X"], ["longer name", "1", "tail"], ["n"]])
        #expect(table.text == "NAME         SIZE  X\nlonger name  1     tail\nn")
    }
}
