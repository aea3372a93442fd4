// swift-tools-version: 6.2
import PackageDescription

// Targets are the layers of docs/architecture.md: a target imports only targets of a lower layer,
// or earlier ones of its own row. `tools/test` builds with
// `--explicit-target-dependency-import-check error`, which makes this graph law.

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "waybill",
    products: [.executable(name: "waybill", targets: ["waybill"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Layer 0: C libraries of the system, and the scoped wrapper round LMDB.
        .systemLibrary(
            name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
        .systemLibrary(
            name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(name: "CIDN", pkgConfig: "libidn", providers: [.apt(["libidn-dev"])]),
        .systemLibrary(
            name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "CLinux"),
        .target(name: "LMDB", dependencies: ["CLMDB"]),
        .target(name: "CurlHTTP", dependencies: ["CCurl"]),
        // Layer 1
        .target(name: "MailModel"),
        .target(name: "SmallFiles", dependencies: ["CLinux"]),
        .target(name: "EventLog", dependencies: ["LMDB", "CZstd", "CCrypto", "CLinux"]),
        // Layer 2
        .target(name: "MailEvents", dependencies: ["MailModel", "EventLog"]),
        .target(name: "MessageFormat", dependencies: ["MailModel"]),
        .target(
            name: "SMTPProtocol", dependencies: ["MailModel", "CCrypto", "CIDN", nioCore]),
        // Layer 3
        .target(name: "Projections", dependencies: ["EventLog", "LMDB", "CCrypto"]),
        .target(name: "Backup", dependencies: ["EventLog", "CCrypto", "CurlHTTP", "CLinux"]),
        .target(name: "Etcd", dependencies: ["MailEvents", "CurlHTTP"]),
        .target(
            name: "SMTPTransport",
            dependencies: [
                "MailModel", "SMTPProtocol", nioCore, nioPosix, nioTLS, nioSSL, logging,
            ]),
        .target(
            name: "Replication",
            dependencies: [
                "EventLog", "ReplicationSchema", "SmallFiles", "CCrypto", nioCore, nioPosix,
                nioTLS, nioSSL, protobuf, logging,
            ]),
        .target(
            name: "Resolver", dependencies: ["MailModel", "CUnbound", "CIDN2", nioCore, logging]),
        // Layer 4
        .target(
            name: "MailProjections",
            dependencies: ["MailModel", "EventLog", "MailEvents", "Projections", "LMDB"]),
        .target(
            name: "Orders",
            dependencies: [
                "MailModel", "EventLog", "MailEvents", "MessageFormat", "SMTPProtocol",
                "MailProjections", nioCore,
            ]),
        .target(
            name: "Reception",
            dependencies: [
                "MailModel", "EventLog", "MailEvents", "MessageFormat", "SMTPProtocol",
                "SMTPTransport", "SmallFiles", "CCrypto", nioCore, nioPosix, nioSSL, logging,
            ]),
        .target(
            name: "Delivery",
            dependencies: [
                "MailModel", "EventLog", "MailEvents", "MessageFormat", "SMTPProtocol",
                "SMTPTransport", "Resolver", "MailProjections", nioCore, nioPosix, nioSSL, logging,
            ]),
        .target(
            name: "HTTPAPI",
            dependencies: [
                "MailModel", "EventLog", "MailEvents", "MessageFormat", "SMTPProtocol",
                "Projections", "MailProjections", "Orders", "SmallFiles", "CLinux", "CZlib",
                "CZstd", hummingbird,
                hummingbirdCore,
                hummingbirdTLS, httpTypes, nioHTTPTypes, nioCore, nioPosix, nioSSL, lifecycle,
                logging,
            ],
            resources: [
                .embedInCode("Resources/openapi.yaml"), .embedInCode("Resources/docs.html"),
            ]),
        .target(
            name: "LogExchange", dependencies: ["MailModel", "EventLog", "MailEvents", "CZstd"]),
        .target(
            name: "ConfigurationFile",
            dependencies: [
                "MailModel", "EventLog", "Replication", "Reception", "Resolver", "Delivery",
                "HTTPAPI", "MailProjections",
                .product(name: "Yams", package: "Yams"),
            ]),
        // Layer 5
        .executableTarget(
            name: "waybill",
            dependencies: [
                "MailModel", "EventLog", "MailEvents", "MessageFormat", "SMTPProtocol",
                "SMTPTransport", "Replication", "Resolver", "Projections", "MailProjections",
                "Reception", "Orders", "Delivery", "HTTPAPI", "LogExchange",
                "ConfigurationFile", "Backup", "CurlHTTP", "Etcd", "SmallFiles", "CLinux",
                "CCrypto",
                "CJemalloc",
                nioCore,
                nioPosix, nioHTTP1, nioEmbedded, lifecycle,
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        // Tests and replay only
        .target(
            name: "WaybillTesting",
            dependencies: ["MailModel", "EventLog", "MailEvents", "CCrypto"]),
        // What protoc generates from schemas/ (tools/generate-protobuf).
        .target(name: "EventSchema", dependencies: [protobuf]),
        .target(name: "ReplicationSchema", dependencies: [protobuf]),
    ]
)

// Every target that has tests: Tests/<name>Tests, with what those tests import.
let tests: [(target: String, dependencies: [Target.Dependency])] = [
    (
        "waybill",
        [
            "waybill", "MailModel", "EventLog", "MailEvents", "SMTPProtocol", "SMTPTransport",
            "Projections", "MailProjections", "ConfigurationFile", "HTTPAPI", "Replication",
            logging, nioCore, nioPosix, nioEmbedded,
        ]
    ),
    ("LMDB", ["LMDB", "CLMDB"]),
    ("SmallFiles", ["SmallFiles"]),
    ("MailModel", ["MailModel"]),
    ("EventLog", ["EventLog", "LMDB", "CLinux"]),
    ("MailEvents", ["MailEvents", "MailModel", "EventLog", "EventSchema", "CZstd", protobuf]),
    ("MessageFormat", ["MessageFormat", "MailModel"]),
    ("SMTPProtocol", ["SMTPProtocol", "MailModel", nioCore]),
    ("Projections", ["Projections", "EventLog", "LMDB"]),
    ("Etcd", ["Etcd", "MailEvents"]),
    ("Backup", ["Backup", "EventLog", "MailEvents", "MailModel", "CCrypto"]),
    (
        "Replication",
        [
            "Replication", "ReplicationSchema", "SmallFiles", "EventLog", nioCore, nioPosix,
            nioEmbedded, logging,
        ]
    ),
    (
        "SMTPTransport",
        ["SMTPTransport", "SMTPProtocol", "MailModel", nioCore, nioPosix, nioEmbedded, nioSSL]
    ),
    ("Resolver", ["Resolver", "MailModel", nioCore, nioPosix]),
    (
        "MailProjections",
        ["MailProjections", "Projections", "MailEvents", "MailModel", "EventLog"]
    ),
    (
        "Orders",
        ["Orders", "MailProjections", "MailEvents", "MailModel", "EventLog", nioCore, nioPosix]
    ),
    (
        "Reception",
        [
            "Reception", "SmallFiles", "SMTPProtocol", "SMTPTransport", "MailEvents", "MailModel",
            "EventLog",
            nioCore, nioPosix, nioEmbedded, logging,
        ]
    ),
    (
        "Delivery",
        [
            "Delivery", "SMTPProtocol", "SMTPTransport", "MailEvents", "MailModel", "EventLog",
            "Resolver", "MailProjections", "MessageFormat", logging, nioCore,
            nioPosix, nioEmbedded,
        ]
    ),
    (
        "HTTPAPI",
        [
            "HTTPAPI", "Orders", "Projections", "MailProjections", "SmallFiles", "MailEvents",
            "MailModel", "EventLog", "SMTPProtocol", hummingbird,
            hummingbirdCore, httpTypes, nioCore, nioPosix, logging,
        ]
    ),
    ("LogExchange", ["LogExchange", "MailEvents", "MailModel", "EventLog", "CZstd"]),
    (
        "ConfigurationFile",
        [
            "ConfigurationFile", "EventLog", "Replication", "Reception", "Resolver", "Delivery",
            "HTTPAPI",
            "MailModel",
        ]
    ),
]
for test in tests {
    package.targets.append(
        .testTarget(
            name: test.target + "Tests", dependencies: test.dependencies + ["WaybillTesting"]))
}

// WAYBILL_BENCHMARKS=1 adds what `tools/benchmarks --log`, `--log-growth` and `--projections` run;
// it needs libsqlite3-dev.
if Context.environment["WAYBILL_BENCHMARKS"] == "1" {
    package.targets += [
        .systemLibrary(
            name: "CSQLite", path: "tools/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "BenchmarkSupport", dependencies: ["CSQLite"], path: "tools/benchmark-support"),
        .executableTarget(
            name: "log-benchmark",
            dependencies: [
                "EventLog", "LMDB", "MailEvents", "MailModel", "WaybillTesting",
                "BenchmarkSupport",
            ],
            path: "tools/log-benchmark"),
        .systemLibrary(name: "CEpoll", path: "tools/CEpoll"),
        .executableTarget(
            name: "peer-load", dependencies: ["BenchmarkSupport", "CEpoll"],
            path: "tools/peer-load"),
        .executableTarget(
            name: "year-in-a-box",
            dependencies: [
                "EventLog", "MailEvents", "MailModel", "MailProjections", "WaybillTesting",
                "BenchmarkSupport",
            ],
            path: "tools/year-in-a-box"),
    ]
}

// WAYBILL_TESTS=EventLog,LMDB leaves only those targets' tests and what they need: a quick build
// while working on a layer. Without it the whole package is there.
if let only = Context.environment["WAYBILL_TESTS"]?.split(separator: ",").map({ "\($0)Tests" }) {
    var needed = Set(only)
    var grown = true
    while grown {
        let names = package.targets.filter { needed.contains($0.name) }.flatMap(\.dependencies)
            .compactMap { dependency -> String? in
                if case .byNameItem(let name, _) = dependency { name } else { nil }
            }
        grown = !needed.isSuperset(of: names)
        needed.formUnion(names)
    }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products = []
}

let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
let foreign: Set = ["CLinux", "EventSchema", "ReplicationSchema"]
for target in package.targets where target.type != .system && !foreign.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}
