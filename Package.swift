// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target of ours: language mode 6, warnings are errors, imports are internal unless they say otherwise.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// Kernels stay fast in debug builds, where the tests run them over real models. An unsafe flag would keep another
/// package from depending on this one; this package is a program, and nothing depends on it.
let kernelSettings: [CSetting] = [
    .unsafeFlags(["-O2"], .when(configuration: .debug)),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let inMemoryLogging = Target.Dependency.product(name: "InMemoryLogging", package: "swift-log")
let server: [Target.Dependency] = [
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
    .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    .product(name: "UnixSignals", package: "swift-service-lifecycle"),
]

/// A room: a target of ours with the settings above.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of a room, or of several together.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "hearth",
    products: [.executable(name: "hearth", targets: ["hearth"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        // Without its traits: configuration from files is not used, and costs a minute to build.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The spine, from the arithmetic up.
        .target(name: "CKernels", cSettings: kernelSettings),
        room("Tensors", ["CKernels"]),
        room("Models", ["Tensors", "Checkpoints", "Tokenization"]),
        // A room also names the rooms whose values stand inside the values that it uses: without this an incremental build
        // leaves it as it was when their layout changes, and the binary crashes.
        room("Inference", ["Models", "Tensors", "Tokenization", logging]),
        room(
            "Deployments",
            [
                "Inference", "Models", "Tensors", "Checkpoints", "Tokenization", "Grammars", "JSON", crypto, logging,
            ]
        ),
        room(
            "Serving",
            [
                "Deployments", "Inference", "Models", "Tensors", "Checkpoints", "OpenAIAPI", "AnthropicAPI",
                "OllamaAPI", "Storage", "Tokenization", "JSON", logging,
            ] + server
        ),
        .executableTarget(
            name: "hearth",
            dependencies: [
                "Serving", "Storage", "Deployments", "Inference", "Models", "Tensors", "Checkpoints", "Tokenization",
                "JSON", argumentParser, logging,
            ],
            swiftSettings: strict
        ),
        // Kernels beside the machine's measured ceilings; see docs/design.
        .executableTarget(
            name: "kernel-bench",
            dependencies: ["Tensors"],
            path: "Benchmarks/Kernels",
            swiftSettings: strict
        ),
        // The leaves.
        room("JSON"),
        room("Checkpoints", ["Tensors", "JSON"]),
        room("Tokenization", ["Checkpoints", "JSON"]),
        room("Storage", [grdb]),
        room("OpenAIAPI", ["JSON"]),
        room("Grammars", ["JSON"]),
        room("AnthropicAPI", ["OpenAIAPI", "JSON"]),
        room("OllamaAPI", ["OpenAIAPI", "JSON"]),
        // Tests.
        .target(
            name: "TestModels",
            dependencies: ["Inference", "Models", "Tensors", "Checkpoints", "Tokenization", "StepCounters"],
            path: "Tests/TestModels",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "step-counts",
            dependencies: ["TestModels"],
            path: "Tests/StepCounts",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "grammar-checks",
            dependencies: ["Deployments", "Grammars", "JSON", "Tokenization", "Checkpoints"],
            path: "Tests/GrammarChecks",
            swiftSettings: strict
        ),
        .target(name: "StepCounters", path: "Tests/StepCounters", cSettings: [.treatAllWarnings(as: .error)]),
        tests("JSONTests", ["JSON"]),
        tests("GrammarsTests", ["Grammars", "JSON"]),
        tests("TensorsTests", ["Tensors", "CKernels"]),
        tests("CheckpointsTests", ["Checkpoints", "TestModels", "JSON", "Tensors"]),
        tests("TokenizationTests", ["Tokenization", "Checkpoints", "JSON"]),
        tests("ModelsTests", ["Models", "Tensors", "Checkpoints", "Tokenization", "TestModels"]),
        tests(
            "InferenceTests",
            ["Inference", "Models", "Tensors", "Checkpoints", "Tokenization", "TestModels"]
        ),
        tests(
            "DeploymentsTests",
            [
                "Deployments", "Models", "Tensors", "Checkpoints", "Tokenization", "JSON", "TestModels", crypto,
                inMemoryLogging,
            ]
        ),
        tests(
            "HearthTests",
            ["hearth", "Deployments", "Inference", "Models", "Tensors", "Storage", "JSON", argumentParser]
        ),
        tests("StorageTests", ["Storage", grdb]),
        tests("OpenAIAPITests", ["OpenAIAPI", "JSON"]),
        tests("AnthropicAPITests", ["AnthropicAPI", "OpenAIAPI", "JSON"]),
        tests("OllamaAPITests", ["OllamaAPI", "OpenAIAPI", "JSON"]),
        tests(
            "ServingTests",
            [
                "Serving", "Deployments", "Inference", "Models", "Checkpoints", "Tokenization", "OpenAIAPI", "Storage",
                "JSON", "TestModels", logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
    ]
)
