import ArgumentParser
import Deployments
import Foundation
import Testing

@testable import hearth

/// Command lines with adapters that are folded in, or computed under.
@Suite struct AdapterCommandTests {
    private func parse<Command>(_ words: String, as type: Command.Type = Command.self) throws -> Command {
        let command = try HearthCommand.parseAsRoot(words.split(separator: " ").map(String.init))
        return try #require(command as? Command)
    }

    @Test func `a model with a merged adapter has another name, and not what the store keeps for it`() throws {
        let serve: Serve = try parse("serve a b --merge-adapter b:x=/p --adapter b:y=/q --adapter-folder b=/w")
        var configurations = [
            DeploymentConfiguration(name: "a", path: "a"), DeploymentConfiguration(name: "b", path: "b"),
        ]
        try serve.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
        #expect(configurations.map(\.name) == ["a", "b:x"] && configurations[1].aliases == ["x"])
        #expect(configurations[1].mergedAdapter == AdapterReference(name: "x", path: "/p"))
        #expect(configurations[0].mergedAdapter == nil)
        #expect(configurations[1].adapterFolders == [AdapterFolder(path: "/w")])
        #expect(configurations[1].adapters == [AdapterReference(name: "y", path: "/q")])
        for words in ["serve a --merge-adapter x=/p --merge-adapter a:y=/q", "serve a --merge-adapter c:x=/p"] {
            let wrong: Serve = try parse(words)
            var configurations = [DeploymentConfiguration(name: "a", path: "a")]
            #expect(throws: ValidationError.self) {
                try wrong.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
            }
        }
        for name in ["..", "x/y"] {
            let wrong: Serve = try parse("serve a --merge-adapter \(name)=/p")
            var configurations = [DeploymentConfiguration(name: "a", path: "a")]
            #expect(throws: AdapterError.invalidName(name)) {
                try wrong.adapters.apply(to: &configurations, store: ModelStore(root: "/h"), Environment([:]))
            }
        }
    }

    @Test func `run and bench take adapters by their name in the store or by their path`() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("home-\(UUID().uuidString)")
        let kept = home.appendingPathComponent("adapters/m/pirate.gguf")
        defer { try? FileManager.default.removeItem(at: home) }
        try FileManager.default.createDirectory(
            at: kept.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data([1]).write(to: kept)
        let store = ModelStore(root: home.path)
        var configuration = DeploymentConfiguration(name: "m", path: "m")
        let run: Run = try parse("run m --adapter pirate --adapter \(home.path) hello")
        let environment = Environment([:])
        try run.adapters.apply(to: &configuration, store: store, environment)
        #expect(configuration.adapters.map(\.path) == [kept.path, home.path] && run.prompt == ["hello"])
        let bench: Bench = try parse("bench m --adapter nobody")
        let error = #expect(throws: AdapterError.self) {
            try bench.adapters.apply(to: &configuration, store: store, environment)
        }
        #expect(error?.description.contains("'nobody'") == true)
    }
}
