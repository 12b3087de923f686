package import Inference
package import Tokenization

/// What people do with the prefixes that are kept on disk: pinning them, for every form of a model that has them.
package struct PrefixShelf: Sendable {
    package let folders: CacheFolders

    /// - Parameter folder: of the disk cache; need not exist.
    package init(folder: String) { folders = CacheFolders(root: folder) }

    /// A prefix that was looked for in one form.
    package struct Placement: Sendable {
        package var form: CacheForm.Digest
        /// Whole blocks of the text.
        package var blockCount: Int
        /// Those that are on disk, from the first on.
        package var presentCount: Int
    }

    /// Pins what is on disk of the chain of `tokens`, in every form of the checkpoint at `path` that has any of it.
    ///
    /// - Parameters:
    ///   - name: of the pin; nil only looks what is there.
    ///   - salt: the `cache_salt` of the requests that are to find it.
    package func pin(
        _ tokens: [TokenID],
        as name: String?,
        salt: String?,
        checkpointAt path: String
    ) throws -> [Placement] {
        var placements: [Placement] = []
        for form in try forms(ofCheckpointAt: path) {
            guard let blockSize = Self.fact("block", in: folders.about(form)).flatMap({ Int($0) }), blockSize > 0 else {
                continue
            }
            let chain = try folders.chain(of: tokens, salt: salt, form: form, blockSize: blockSize)
            let presentCount = folders.presentCount(of: chain, form: form)
            placements.append(Placement(form: form, blockCount: chain.count, presentCount: presentCount))
            if let name, presentCount > 0 { try folders.pin(PinnedPrefix(name: name, hashes: chain), of: form) }
        }
        return placements
    }

    /// The forms in which the checkpoint at `path` has run with this cache.
    private func forms(ofCheckpointAt path: String) throws -> [CacheForm.Digest] {
        let identity = FileIdentity(of: path)
        let checkpoint = try Deployment.openCheckpoint(path)
        let fingerprints = Fingerprints(folder: folders.root + "/fingerprints")
        let weights = fingerprints.fingerprint(of: checkpoint, at: path, openedAs: identity)
        return try folders.forms().filter { Self.fact("weights", in: folders.about($0)) == weights }
    }

    /// The value of a fact in a form's lines.
    package static func fact(_ name: String, in about: [String]) -> String? {
        about.dropFirst().first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

extension Deployment {
    /// Encodes prompts as a deployment of the checkpoint at `path` would, without loading its weights.
    package static func encoder(
        checkpointAt path: String
    ) throws(DeploymentError) -> (PromptSource, Bool) throws(DeploymentError) -> [TokenID] {
        let checkpoint = try openCheckpoint(path)
        let renderer = PromptRenderer(tokenizer: try loadTokenizer(checkpoint), template: try parseTemplate(checkpoint))
        return { (prompt, addsSpecialTokens) throws(DeploymentError) in
            try renderer.encode(prompt, addsSpecialTokens: addsSpecialTokens)
        }
    }
}
