// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target of ours: language mode 6, warnings are errors, imports are internal unless said.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "hearth",
    targets: [
    ]
)
