import ArgumentParser
import Foundation
import Testing

@testable import hearth

/// Settings from flags and variables.
@Suite struct EnvironmentTests {
    @Test func `a flag wins over a variable, which wins over the default`() {
        let both = Setting(flag: ("--port", 1), variable: ("HEARTH_PORT", 2), default: 3)
        let variable = Setting(flag: ("--port", nil), variable: ("HEARTH_PORT", 2), default: 3)
        let neither = Setting<Int>(flag: ("--port", nil), variable: ("HEARTH_PORT", nil), default: 3)
        let sentences = [both.sentence, variable.sentence, neither.sentence]
        #expect(sentences == ["1 (--port)", "2 (HEARTH_PORT)", "3"])
        #expect(both.value == 1)
    }

    @Test func `the store's home follows HEARTH_HOME, then XDG, then the user's home`() {
        #expect(Environment(["HEARTH_HOME": "/a", "XDG_DATA_HOME": "/b"]).home.value == "/a")
        #expect(Environment(["XDG_DATA_HOME": "/b"]).home.value == "/b/hearth")
        // The XDG specification says relative paths are to be ignored.
        #expect(Environment(["XDG_DATA_HOME": "b"]).home.value.hasSuffix("/.local/share/hearth"))
        #expect(Environment(["HEARTH_HOME": "a"]).home.value == FileManager.default.currentDirectoryPath + "/a")
        #expect(Environment(["HEARTH_HOME": ""]).home.value.hasSuffix("/.local/share/hearth"))
    }

    @Test func `the user's home is HOME where that is a whole path`() {
        let environment = Environment(["HOME": "/x"])
        #expect(environment.home.value == "/x/.local/share/hearth")
        #expect(environment.cacheFolder.value == "/x/.cache/hearth/prefixes")
        #expect(environment.absolute("~") == "/x")
        #expect(environment.absolute("~/models") == "/x/models")
        #expect(Environment(["HOME": "/x", "HEARTH_HOME": "~/h"]).home.value == "/x/h")
        #expect(Environment(["HOME": "/"]).home.value == "/.local/share/hearth")
        let unset = Environment([:]).home.value
        #expect(unset == NSHomeDirectory() + "/.local/share/hearth")
        #expect(Environment(["HOME": "x"]).home.value == unset && Environment(["HOME": ""]).home.value == unset)
    }

    @Test func `a number that is none is refused with the variable's name`() throws {
        #expect(try Environment(["HEARTH_PORT": "81"]).integer("HEARTH_PORT") == 81)
        #expect(try Environment([:]).integer("HEARTH_PORT") == nil)
        #expect {
            try Environment(["HEARTH_PORT": "eighty"]).integer("HEARTH_PORT")
        } throws: { error in
            "\(error)".contains("HEARTH_PORT") && "\(error)".contains("eighty")
        }
    }

    @Test func `the hub's token is read from where its own tools keep it`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("from-file\n".utf8).write(to: folder.appendingPathComponent("token"))
        #expect(Environment(["HF_TOKEN": " direct ", "HF_HOME": folder.path]).hubToken == "direct")
        #expect(Environment(["HF_HOME": folder.path]).hubToken == "from-file")
        #expect(Environment(["HF_TOKEN_PATH": folder.path + "/token"]).hubToken == "from-file")
        #expect(Environment(["HF_HOME": folder.path + "/none"]).hubToken == nil)
        let cache = folder.appendingPathComponent(".cache/huggingface")
        try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
        try Data("from-home".utf8).write(to: cache.appendingPathComponent("token"))
        #expect(Environment(["HOME": folder.path]).hubToken == "from-home")
    }

    @Test(arguments: [
        ("512", 512), ("1k", 1024), ("512M", 512 << 20), ("2G", 2 << 30), ("1.5GiB", 3 << 29), ("3gb", 3 << 30),
    ])
    func `sizes are read with their unit`(text: String, bytes: Int) {
        #expect(ByteSize(argument: text)?.bytes == bytes)
    }

    @Test(arguments: ["", "G", "-1", "0", "lots", "1e40", "nan"])
    func `what is no size is refused`(text: String) {
        #expect(ByteSize(argument: text) == nil)
    }
}
