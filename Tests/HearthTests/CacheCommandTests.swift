import ArgumentParser
import Inference
import Testing

@testable import Deployments
@testable import hearth

/// What `hearth cache` decides before and after the work.
@Suite struct CacheCommandTests {
    private func parse<Command>(_ words: String, as type: Command.Type = Command.self) throws -> Command {
        let command = try HearthCommand.parseAsRoot(words.split(separator: " ").map(String.init))
        return try #require(command as? Command)
    }

    @Test func `warming removes nothing from a folder unless a limit is given`() throws {
        let plain: CacheWarm = try parse("cache warm m --file p.txt --cache-dir /x")
        #expect(try plain.diskCache.forAdding(Environment([:])).byteLimit == Int.max)
        let variables = Environment(["HEARTH_CACHE_DISK_BYTES": "1G"])
        #expect(try plain.diskCache.forAdding(variables).byteLimit == 1 << 30)
        let limited: CacheWarm = try parse("cache warm m --file p.txt --cache-disk-bytes 2G")
        #expect(try limited.diskCache.forAdding(variables).byteLimit == 2 << 30)
        #expect(throws: ValidationError.self) {
            try plain.diskCache.forAdding(Environment(["HEARTH_CACHE_DISK_BYTES": "much"]))
        }
        let serve: Serve = try parse("serve m --cache-dir /x")
        #expect(try serve.diskCache.configuration(Environment([:]))?.byteLimit == 10 << 30)
    }

    @Test func `what is not on disk in any form is not pinned`() throws {
        let form = CacheForm(modelName: "m", facts: []).digest
        let placements = [0, 3, 9].map { PrefixShelf.Placement(form: form, blockCount: 9, presentCount: $0) }
        #expect(KeptText([])?.presentCount == nil)
        #expect(KeptText([placements[0]])?.presentCount == nil)
        #expect(KeptText(Array(placements.prefix(2)))?.presentCount == 3)
        #expect(KeptText(placements)?.presentCount == 9)
    }

    @Test func `a text shorter than a block cannot be pinned, and is told so`() throws {
        #expect(throws: PinError.tooShort(tokenCount: 31, blockSize: 32)) { try KeptText.requireBlock(31) }
        try KeptText.requireBlock(32)
        #expect(PinError.tooShort(tokenCount: 31, blockSize: 32).description.contains("blocks of 32 tokens"))
        #expect(PinError.notWritten(folder: "/x").description.contains("could be written to /x"))
    }
}
