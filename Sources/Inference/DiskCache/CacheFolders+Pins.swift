import Foundation
package import Tokenization

/// A prefix that neither age nor room removes from disk, by the name somebody gave it.
package struct PinnedPrefix: Sendable, Equatable {
    /// Letters, digits, `-`, `_` and `.`; the same name may stand for one prefix of each form.
    package var name: String
    /// The prefix's blocks, the first of the chain first.
    package var hashes: [BlockHash]

    package init(name: String, hashes: [BlockHash]) {
        self.name = name
        self.hashes = hashes
    }
}

/// When the pins of each form changed: the same again, and settled, means the same pins.
struct PinTimes: Sendable, Equatable {
    /// Of the forms that have a folder of pins.
    var changes: [CacheForm.Digest: DiskInstant] = [:]
    /// Whether every folder has been at rest for so long that a change cannot hide behind the grain of its time.
    var isSettled = false
}

extension CacheFolders {
    /// Whether a prefix may have this name.
    package static func isPinName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64 && name.first != "."
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 46 || byte == 95
            }
    }

    /// The prefixes pinned for one form, in the order of their names.
    package func pins(of form: CacheForm.Digest) -> [PinnedPrefix] {
        let folder = pinFolder(form)
        return names(in: folder).filter(Self.isPinName).sorted().compactMap { name in
            guard let text = try? String(contentsOfFile: folder + "/" + name, encoding: .utf8) else { return nil }
            return PinnedPrefix(name: name, hashes: text.split(separator: "\n").compactMap { BlockHash(name: $0) })
        }
    }

    /// Every pinned block of every form.
    func pinnedBlocks() -> Set<StoredBlock> {
        Set(
            forms().flatMap { form in
                pins(of: form).flatMap { pin in pin.hashes.map { StoredBlock(form: form, hash: $0) } }
            }
        )
    }

    /// When the pins of each form changed, by one look at each folder of pins.
    func pinTimes(at now: DiskInstant) -> PinTimes {
        var times = PinTimes()
        times.isSettled = true
        for form in forms() {
            var status = stat()
            guard stat(pinFolder(form), &status) == 0 else { continue }
            let change = DiskInstant(modificationOf: status)
            times.changes[form] = change
            if change.advanced(by: .seconds(2)) > now { times.isSettled = false }
        }
        return times
    }

    /// Pins a prefix, in place of an older one of its name. Running servers look for it before they evict anything.
    package func pin(_ prefix: PinnedPrefix, of form: CacheForm.Digest) throws(DiskCacheError) {
        precondition(Self.isPinName(prefix.name), "CacheFolders: a pin named \(prefix.name)")
        let folder = pinFolder(form)
        try BlockFolder.makeFolder(folder)
        let text = prefix.hashes.map { $0.name + "\n" }.joined()
        let temporary = root + "/" + form.name + "/unfinished/pin-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let isWritten = FileManager.default.createFile(atPath: temporary, contents: Data(text.utf8))
        if isWritten, rename(temporary, folder + "/" + prefix.name) == 0 { return }
        unlink(temporary)
        throw .folderUnusable(path: folder, reason: "the pin cannot be written there")
    }

    /// Unpins what has this name, of every form; the number of forms that had it.
    package func unpin(_ name: String) -> Int {
        precondition(Self.isPinName(name), "CacheFolders: a pin named \(name)")
        return forms().count { unlink(pinFolder($0) + "/" + name) == 0 }
    }

    /// The names of the whole blocks of `tokens`, as a server that runs this form would name them.
    ///
    /// - Parameters:
    ///   - salt: of the requests that are to find them.
    ///   - blockSize: tokens in a block.
    package func chain(
        of tokens: [TokenID],
        salt: String?,
        form: CacheForm.Digest,
        blockSize: Int
    ) throws(DiskCacheError) -> [BlockHash] {
        let hasher = BlockHasher(secret: try key(), form: form)
        var parent = hasher.root(salt: salt)
        return stride(from: 0, through: tokens.count - blockSize, by: blockSize).map { start in
            parent = hasher.hash(tokens[start..<start + blockSize], after: parent)
            return parent
        }
    }

    private func pinFolder(_ form: CacheForm.Digest) -> String { root + "/" + form.name + "/pins" }
}

/// What the disk holds of one form.
package struct CacheFormSummary: Sendable {
    package var form: CacheForm.Digest
    /// The model's name, then the form's facts.
    package var about: [String]
    package var blockCount: Int
    package var bytes: Int
    /// Nil when there is no block.
    package var lastUse: DiskInstant?
    package var pins: [PinnedPrefix]
}

extension CacheFolders {
    /// What is there, form by form, the one used last first.
    package func summaries() -> [CacheFormSummary] {
        forms().map { form in
            let blocks = blocks(of: form)
            return CacheFormSummary(
                form: form,
                about: about(form),
                blockCount: blocks.count,
                bytes: blocks.reduce(0) { $0 + $1.bytes },
                lastUse: blocks.map(\.lastUse).max(),
                pins: pins(of: form)
            )
        }.sorted { ($0.lastUse?.rawValue ?? 0, $0.form.name) > ($1.lastUse?.rawValue ?? 0, $1.form.name) }
    }

    /// How many of the blocks, from the first on, are there.
    package func presentCount(of hashes: [BlockHash], form: CacheForm.Digest) -> Int {
        hashes.firstIndex { hash in
            access(root + "/" + form.name + "/" + BlockFolder.place(of: hash), R_OK) != 0
        } ?? hashes.count
    }

    /// Removes the blocks of one form; those of pinned prefixes only with their pins.
    ///
    /// A server that runs the form finds its blocks missing, computes them again and goes on writing.
    package func clear(_ form: CacheForm.Digest, includingPinned: Bool) -> (blockCount: Int, bytes: Int) {
        if includingPinned { for pin in pins(of: form) { unlink(pinFolder(form) + "/" + pin.name) } }
        let pinned = Set(pins(of: form).flatMap(\.hashes))
        var (count, bytes) = (0, 0)
        for block in blocks(of: form) where !pinned.contains(block.block.hash) && remove(block.block) {
            count += 1
            bytes += block.bytes
        }
        return (count, bytes)
    }
}
