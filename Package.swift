// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// A Swift target of ours: same settings everywhere, so that one build serves every product.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
    -> Target
{
    .testTarget(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")

/// Mappings that come with the program, of `deploy/mappings`.
let presets = [
    "adobe", "cloudevents", "debezium", "ga4", "rees46", "retailrocket", "rudderstack", "segment",
    "shopify", "snowplow",
]

/// What the console's page is put together from.
let pageParts = [
    "page.html", "page.css", "phrases.js", "charts.js", "sections.js", "operate.js", "main.js",
]

/// Only what `deploy/fuzz` builds: its driver needs the compiler's fuzzing runtime.
let fuzzing: [Target] =
    Context.environment["TIDEMARK_FUZZ"] == nil
    ? []
    : [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "tidemark-fuzz", dependencies: ["FuzzTargets", "CFuzzer"],
            path: "Tests/Fuzz/Driver", swiftSettings: settings),
    ]

/// SwiftNIO, for the HTTP interface alone.
func nio(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "swift-nio") }
}

let tls = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
    name: "tidemark",
    products: [.executable(name: "tidemark", targets: ["tidemark"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // Foreign code: each C library is imported by exactly one Swift target.
        // Opened at run time, not linked: its kernels are chosen before it loads.
        .systemLibrary(
            name: "COpenBLAS", providers: [.apt(["libopenblas-pthread-dev"])]),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CKernels"),
        .target(name: "CElementary"),
        .target(name: "CPlatform"),
        .target(name: "CPosterior", dependencies: ["CElementary"]),
        .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
        .target(name: "CCrashPoints", path: "Tests/CCrashPoints"),
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: settings),

        // Pure: bytes, mathematics, events. No I/O.
        module("Records", ["CCrypto", "CElementary"]),
        module("Tensor", ["COpenBLAS", "CKernels"]),
        module("Tokenization"),
        module("Encoder", ["Tensor", "Tokenization", "Platform", "Records"]),
        module("ResponseModel", ["CPosterior", "Records"]),
        module("ContinualLearning", ["ResponseModel", "Encoder", "Records"]),
        module("Pricing", ["Records"]),
        module("OffPolicy", ["Records"]),
        module("Schemas", ["Records"]),
        module("Events", ["CSimdJSON", "Records"]),
        // The presets of deploy/mappings are part of the program.
        .target(
            name: "Mapping", dependencies: ["Events", "Records"],
            resources: presets.map { .embedInCode("Presets/\($0).yaml") },
            swiftSettings: settings),
        module(
            "Engine",
            ["ContinualLearning", "ResponseModel", "Encoder", "Pricing", "Events", "Records"]),

        // The edge: threads, clock, sockets, files, Kafka, the store.
        module("Platform", ["CPlatform"]),
        module("EventLog", ["CZlib", "CZstd", "Events", "Records"]),
        module("KafkaStream", ["CRdKafka", "Platform", "Records"]),
        module("WebClient", ["CCurl"]),
        module("SchemaRegistry", ["WebClient", "Records", "Schemas"]),
        module("SnapshotStore", ["CLMDB", "Records"]),
        module("Telemetry", ["ContinualLearning", "Records", log]),
        // The console's page is part of the program.
        .target(
            name: "Console", dependencies: ["Records"],
            resources: pageParts.map { .embedInCode("Page/\($0)") }, swiftSettings: settings),
        module("ControlPlane", nio("NIOCore", "NIOPosix", "NIOHTTP1") + [tls, "Records"]),
        module("Simulator", ["Events", "Pricing", "Records"]),
        // The schemas of what is published are part of the program, too.
        .target(
            name: "Daemon",
            dependencies: [
                "Engine", "ContinualLearning", "ResponseModel", "Encoder", "Tokenization", "Tensor",
                "Pricing", "OffPolicy", "Mapping", "Events", "Records", "EventLog", "KafkaStream",
                "SchemaRegistry", "Schemas", "SnapshotStore", "Telemetry", "ControlPlane",
                "Console", "Platform", yaml,
            ],
            resources: [
                .embedInCode("Forms/recommendation.avsc"),
                .embedInCode("Forms/recommendation.proto"),
                .embedInCode("Forms/recommendation.schema.json"),
            ],
            swiftSettings: settings),
        // The command line.
        module("Terminal", ["Daemon", "Encoder", "Records", "Telemetry", arguments]),
        module("LearnedWorlds", ["Simulator", "ResponseModel", "Pricing", "Records"]),
        module(
            "Benchmarks",
            [
                "Terminal", "LearnedWorlds", "Daemon", "Engine", "Simulator", "ContinualLearning",
                "ResponseModel", "Encoder", "Tensor", "Pricing", "OffPolicy", "Mapping", "Events",
                "Records", "EventLog", "KafkaStream", "SnapshotStore", arguments,
            ]),
        .executableTarget(
            name: "tidemark",
            dependencies: [
                "Benchmarks", "Terminal", "Daemon", "Engine", "OffPolicy", "Simulator",
                "ContinualLearning",
                "Encoder", "EventLog", "Mapping", "Tensor", "Events", "Records", "KafkaStream",
                "SnapshotStore", "Telemetry",
                "Platform", "WebClient", arguments,
            ],
            swiftSettings: settings),

        .target(
            name: "FuzzTargets",
            dependencies: [
                "ControlPlane", "ContinualLearning", "Daemon", "Encoder", "Engine", "EventLog",
                "Events", "KafkaStream", "Mapping", "Platform", "Pricing", "Records",
                "ResponseModel", "Schemas", "SnapshotStore", "Tensor",
            ] + nio("NIOCore", "NIOEmbedded"),
            path: "Tests/Fuzz/Targets", swiftSettings: settings),
        tests("FuzzTests", ["FuzzTargets", "Records"]),

        tests("StyleTests", []),
        tests("RecordsTests", ["Records"]),
        tests("TensorTests", ["Tensor", "Records"]),
        tests("TokenizationTests", ["Tokenization"], resources: [.copy("Fixtures")]),
        tests(
            "EncoderTests", ["Encoder", "Tensor", "Records", "CAllocationCount"],
            resources: [.copy("Fixtures")]),
        tests(
            "ResponseModelTests",
            [
                "ResponseModel", "CPosterior", "LearnedWorlds", "Simulator", "Pricing", "Records",
                "TestSupport",
            ],
            resources: [.copy("Fixtures")]),
        tests(
            "ContinualLearningTests", ["ContinualLearning", "ResponseModel", "Encoder", "Records"]),
        tests("PricingTests", ["Pricing", "Records"]),
        tests("OffPolicyTests", ["OffPolicy", "Simulator", "Records"]),
        tests("EventsTests", ["Events", "Records"], resources: [.copy("Fixtures")]),
        tests("MappingTests", ["Mapping", "Daemon", "Events", "Records"]),
        tests("SchemasTests", ["Schemas", "Records"], resources: [.copy("Fixtures")]),
        tests("SchemaRegistryTests", ["SchemaRegistry", "Schemas", "TestSupport"]),
        tests("EventLogTests", ["EventLog", "Events", "Records"]),
        tests("PlatformTests", ["Platform"]),
        tests("KafkaStreamTests", ["KafkaStream", "Events", "Platform", "Records"]),
        tests(
            "SnapshotStoreTests", ["SnapshotStore", "Records", "CCrashPoints", "TestSupport"],
            resources: [.copy("Fixtures")]),
        tests("SimulatorTests", ["Simulator", "Events", "Pricing", "Records"]),
        tests(
            "EngineTests",
            [
                "Engine", "ContinualLearning", "ResponseModel", "Encoder", "Pricing", "Events",
                "Records", "Simulator",
            ]),
        tests("TelemetryTests", ["Telemetry", "ContinualLearning", "Records"]),
        tests(
            "ControlPlaneTests",
            ["ControlPlane", "Telemetry", "WebClient", "TestSupport"]
                + nio("NIOCore", "NIOEmbedded", "NIOHTTP1")),
        tests(
            "DaemonTests",
            [
                "Daemon", "ContinualLearning", "ControlPlane", "Encoder", "Engine", "EventLog",
                "Events", "KafkaStream", "Mapping", "OffPolicy", "Pricing", "Records",
                "ResponseModel", "Simulator", "SnapshotStore", "Telemetry", "Tensor",
                "Tokenization", "Platform", "Schemas", "CCrashPoints", "TestSupport", yaml,
            ]),
    ] + fuzzing,
    cxxLanguageStandard: .cxx17
)
