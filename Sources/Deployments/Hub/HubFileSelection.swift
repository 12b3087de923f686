/// A file of a hub repository.
struct HubFile: Sendable, Hashable {
    /// Path in the repository.
    var path: String
    /// Size in bytes; nil when the hub does not tell.
    var byteCount: Int?
    var check: ContentCheck
}

/// Chooses which files of a repository make the model that was asked for. Pure.
struct HubFileSelection {
    let repository: String
    let files: [HubFile]

    /// The files, the one to open first in front.
    ///
    /// - Parameter selector: a file, a folder of it, or a quantisation; nil prefers a GGUF of about four bits a weight
    ///   (the best of them that Hearth runs), then the safetensors folder.
    func choose(_ selector: String?) throws(HubError) -> [HubFile] {
        for file in files where !StoredPath.isSafe(file.path) {
            throw .unsafePath(repository: repository, file: file.path)
        }
        let all = ggufGroups()
        if let selector { return try choose(selector, among: all) }
        if all.isEmpty { return try safetensorsFolder() }
        let groups = all.filter { $0.missing == nil }
        if groups.isEmpty { return try whole(all[0]) }
        if groups.count == 1 { return groups[0].files }
        for label in Self.preferredLabels {
            let matching = groups.filter { $0.label == label }
            if matching.count == 1 { return matching[0].files }
            if matching.count > 1 { break }
        }
        throw .selectionAmbiguous(repository: repository, available: groups.map(\.title))
    }

    /// Quantisations in the order Hearth prefers them: quality for the bytes read, among those it runs well.
    static let preferredLabels = [
        "q4_k_m", "q4_k_s", "q4_k_l", "q4_k_xl", "q4_1", "q4_0", "iq4_nl", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q6_k",
        "q8_0",
        "mxfp4", "bf16", "f16", "f32", "q3_k_m", "q3_k_l", "q3_k_s", "q2_k",
    ]

    /// One GGUF model: a single file, or all parts of a split one in order.
    private struct Group {
        /// File name without `.gguf` and without the part's number.
        var stem: String
        var files: [HubFile]
        /// The quantisation its name tells, lower case: `q4_k_m`.
        var label: String
        /// What to type to mean this one.
        var title: String
        /// The first part that is not there, where one is not: somebody is still uploading it, perhaps.
        var missing: String?
    }

    /// The files of a group that has all its parts.
    private func whole(_ group: Group) throws(HubError) -> [HubFile] {
        if let missing = group.missing { throw .partMissing(repository: repository, file: missing) }
        return group.files
    }

    private func ggufGroups() -> [Group] {
        var byStem: [String: [(part: Int, count: Int, file: HubFile)]] = [:]
        for file in files where Self.isModelGGUF(file.path) {
            let (stem, part, count) = Self.split(file.path)
            byStem[stem, default: []].append((part, count, file))
        }
        var groups: [Group] = []
        for (stem, parts) in byStem {
            let sorted = parts.sorted { $0.part < $1.part }
            let count = sorted[0].count
            let gap = (1...count).first { $0 > sorted.count || sorted[$0 - 1].part != $0 }
            let missing = gap.map { "\(stem)-\(Self.padded($0))-of-\(Self.padded(count)).gguf" }
            let label = Self.quantisation(of: stem)
            let (files, title) = (sorted.map(\.file), label.uppercased())
            groups.append(Group(stem: stem, files: files, label: label, title: title, missing: missing))
        }
        let labels = Dictionary(grouping: groups, by: \.label)
        for index in groups.indices where groups[index].label.isEmpty || labels[groups[index].label]?.count != 1 {
            groups[index].title = groups[index].files[0].path
        }
        return groups.sorted { $0.stem < $1.stem }
    }

    private func choose(_ selector: String, among groups: [Group]) throws(HubError) -> [HubFile] {
        let wanted = selector.lowercased()
        if wanted == "safetensors" { return try safetensorsFolder() }
        let tests: [(Group) -> Bool] = [
            { $0.files.contains { $0.path == selector } },
            { $0.files.contains { $0.path.lowercased().hasSuffix("/" + wanted) || $0.path.lowercased() == wanted } },
            { $0.label == wanted },
            { Self.ends($0.stem.lowercased(), with: wanted) },
        ]
        for test in tests {
            let matching = groups.filter(test)
            if matching.count == 1 { return try whole(matching[0]) }
            if matching.count > 1 {
                throw .selectionAmbiguous(repository: repository, available: matching.map { $0.files[0].path })
            }
        }
        let available = groups.isEmpty ? files.map(\.path) : groups.map(\.title)
        throw .selectionEmpty(repository: repository, selector: selector, available: available)
    }

    /// What a safetensors model needs beside its weights.
    private static let companions: Set<String> = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "chat_template.jinja",
        "chat_template.json", "model.safetensors.index.json", "modules.json", "1_Pooling/config.json",
        "LICENSE", "LICENSE.txt", "LICENSE.md",
    ]

    private func safetensorsFolder() throws(HubError) -> [HubFile] {
        guard let configuration = files.first(where: { $0.path == "config.json" }) else {
            throw .noModel(repository: repository)
        }
        let weights = files.filter { !$0.path.contains("/") && $0.path.hasSuffix(".safetensors") }
        let named = weights.filter { $0.path.hasPrefix("model") }
        // Some repositories hold the same weights again under another name.
        let chosen = named.isEmpty ? weights : named
        if chosen.isEmpty { throw .noModel(repository: repository) }
        let beside = files.filter { file in
            if file.path == "config.json" { return false }
            let isTemplate = file.path.hasPrefix("additional_chat_templates/") && file.path.hasSuffix(".jinja")
            return isTemplate || Self.companions.contains(file.path)
        }
        return [configuration] + (beside + chosen).sorted { $0.path < $1.path }
    }

    /// Whether the file is a text model's weights: not a vision projector, not an importance matrix.
    private static func isModelGGUF(_ path: String) -> Bool {
        let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
        return name.hasSuffix(".gguf") && !name.contains("mmproj") && !name.contains("imatrix")
    }

    /// Takes `dir/name-00002-of-00003.gguf` apart; a file that is not split is part 1 of 1.
    private static func split(_ path: String) -> (stem: String, part: Int, count: Int) {
        let stem = String(path.dropLast(5))
        let pieces = stem.split(separator: "-", omittingEmptySubsequences: false)
        guard pieces.count > 3, pieces[pieces.count - 2] == "of",
            let count = Int(pieces[pieces.count - 1]), let part = Int(pieces[pieces.count - 3]),
            pieces[pieces.count - 1].count == 5, pieces[pieces.count - 3].count == 5, part >= 1, part <= count
        else { return (stem, 1, 1) }
        return (pieces.dropLast(3).joined(separator: "-"), part, count)
    }

    private static func padded(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }

    /// The last piece of the name that looks like a quantisation, lower case; empty when none does.
    static func quantisation(of stem: String) -> String {
        let name = stem.split(separator: "/").last.map { $0.lowercased() } ?? ""
        let pieces = name.split { $0 == "-" || $0 == "." }.map(String.init)
        return pieces.last(where: isQuantisation) ?? ""
    }

    private static func isQuantisation(_ piece: String) -> Bool {
        if ["f16", "f32", "bf16", "fp16", "fp32"].contains(piece) { return true }
        for prefix in ["q", "iq", "tq", "mxfp"] where piece.hasPrefix(prefix) {
            return piece.dropFirst(prefix.count).first?.isNumber ?? false
        }
        return false
    }

    private static func ends(_ stem: String, with selector: String) -> Bool {
        stem == selector || ["-", ".", "_", "/"].contains { stem.hasSuffix($0 + selector) }
    }
}
