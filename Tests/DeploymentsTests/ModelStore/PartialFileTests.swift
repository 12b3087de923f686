import Crypto
import Foundation
import Testing

@testable import Deployments

/// Files on their way.
@Suite struct PartialFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.path + "/x.partial" }

    private func hash(_ text: String) -> ContentHash { ContentHash(SHA256.hash(data: Data(text.utf8))) }

    @Test func `a later process goes on with the same hash`() throws {
        do {
            let first = try PartialFile(path: path)
            try first.append(Data("hello ".utf8))
            first.setEntityTag("\"v1\"")
        }
        let second = try PartialFile(path: path)
        #expect(second.byteCount == 6)
        #expect(second.entityTag == "\"v1\"")
        try second.append(Data("world".utf8))
        #expect(second.hash == hash("hello world"))
        #expect(try second.verify(name: "x", byteCount: 11, check: .sha256(hash("hello world"))) == hash("hello world"))
        try second.finish(at: folder.path + "/whole")
        #expect(folder.files() == ["whole"])
        #expect(try String(contentsOfFile: folder.path + "/whole", encoding: .utf8) == "hello world")
    }

    @Test func `starting over forgets content and tag`() throws {
        let file = try PartialFile(path: path)
        try file.append(Data("old".utf8))
        file.setEntityTag("\"v1\"")
        try file.restart()
        #expect(file.byteCount == 0)
        #expect(file.entityTag == nil)
        try file.append(Data("new".utf8))
        #expect(file.hash == hash("new"))
        #expect(AtomicFile.byteCount(of: path) == 3)
    }

    @Test func `a git id is the one git computes`() throws {
        let file = try PartialFile(path: path)
        try file.append(Data("hello\n".utf8))
        // `printf 'hello\n' | git hash-object --stdin`
        let check = ContentCheck.gitBlob("ce013625030ba8dba906f756967f9e9ca394464a")
        #expect(try file.verify(name: "x", byteCount: nil, check: check) == hash("hello\n"))
    }

    @Test func `a wrong size is deleted`() throws {
        let file = try PartialFile(path: path)
        try file.append(Data("abc".utf8))
        #expect(throws: StoreError.sizeMismatch(file: "x", expected: 4, actual: 3)) {
            try file.verify(name: "x", byteCount: 4, check: .origin("o"))
        }
        #expect(folder.files().isEmpty)
    }

    @Test func `another file's content is appended whole`() throws {
        let text = String(repeating: "0123456789", count: 300_000)
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/source"))
        let file = try PartialFile(path: path)
        try file.append(contentsOf: folder.path + "/source")
        #expect(file.hash == hash(text))
        #expect(throws: StoreError.self) { try file.append(contentsOf: folder.path + "/none") }
    }
}
