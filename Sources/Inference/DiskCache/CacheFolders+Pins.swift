import Foundation
import Models
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
    package func pins(of form: CacheForm.Digest) throws(DiskCacheError) -> [PinnedPrefix] {
        let folder = pinFolder(form)
        // Somebody else's, blocks and pins.
        if access(root + "/" + form.name, X_OK) != 0, errno == EACCES { return [] }
        var pins: [PinnedPrefix] = []
        for name in try names(in: folder, mayBeForeign: false).filter(Self.isPinName).sorted() {
            let path = folder + "/" + name
            guard let data = FileManager.default.contents(atPath: path) else {
                if FileState.isMissing(path) { continue }
                throw .folderUnusable(path: path, reason: "the pin cannot be read")
            }
            let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
            pins.append(PinnedPrefix(name: name, hashes: lines.compactMap { BlockHash(name: $0) }))
        }
        return pins
    }

    /// Every pinned block of every form.
    func pinnedBlocks() throws(DiskCacheError) -> Set<StoredBlock> {
        var blocks: Set<StoredBlock> = []
        for form in try forms() {
            for pin in try pins(of: form) { blocks.formUnion(pin.hashes.map { StoredBlock(form: form, hash: $0) }) }
        }
        return blocks
    }

    /// When the pins of each form changed, by one look at each folder of pins.
    func pinTimes(at now: DiskInstant) throws(DiskCacheError) -> PinTimes {
        var times = PinTimes()
        times.isSettled = true
        for form in try forms() {
            var status = stat()
            guard stat(pinFolder(form), &status) == 0 else {
                let code = errno
                if code != EACCES, let error = Self.trouble(code, with: pinFolder(form)) { throw error }
                continue
            }
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
        var code = Transfer.create(temporary, Array(text.utf8))
        if code == 0 {
            if rename(temporary, folder + "/" + prefix.name) == 0 { return }
            code = errno
            unlink(temporary)
        }
        let reason = String(cString: strerror(code))
        throw .folderUnusable(path: folder, reason: "the pin cannot be written there (\(reason))")
    }

    /// Unpins what has this name, of every form; the number of forms that had it.
    package func unpin(_ name: String) throws(DiskCacheError) -> Int {
        precondition(Self.isPinName(name), "CacheFolders: a pin named \(name)")
        return try forms().count { unlink(pinFolder($0) + "/" + name) == 0 }
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
    package func summaries() throws(DiskCacheError) -> [CacheFormSummary] {
        try forms().map { form throws(DiskCacheError) in
            let blocks = try blocks(of: form)
            return CacheFormSummary(
                form: form,
                about: about(form),
                blockCount: blocks.count,
                bytes: blocks.reduce(0) { $0 + $1.bytes },
                lastUse: blocks.map(\.lastUse).max(),
                pins: try pins(of: form)
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
    package func clear(
        _ form: CacheForm.Digest,
        includingPinned: Bool
    ) throws(DiskCacheError) -> (blockCount: Int, bytes: Int) {
        if includingPinned { for pin in try pins(of: form) { unlink(pinFolder(form) + "/" + pin.name) } }
        let pinned = Set(try pins(of: form).flatMap(\.hashes))
        var (count, bytes) = (0, 0)
        for block in try blocks(of: form) where !pinned.contains(block.block.hash) && remove(block.block) {
            count += 1
            bytes += block.bytes
        }
        return (count, bytes)
    }
}
