import Foundation

/// Who may import whom: the layers that `deploy/layers` names, from the ground up.
struct Layers {
    /// Libraries of others, and the one target that knows each; those without an owner are the
    /// commands'.
    static let owners: [String: String?] = [
        "ArgumentParser": nil, "CCrypto": "Records", "CCurl": "WebClient",
        "CElementary": "Records",
        "CKernels": "Tensor", "COpenBLAS": "Tensor", "CLMDB": "SnapshotStore",
        "CPlatform": "Platform", "CPosterior": "ResponseModel", "CRdKafka": "KafkaStream",
        "CSimdJSON": "Events", "CZlib": "EventLog", "CZstd": "EventLog", "Logging": "Telemetry",
        "NIOCore": "ControlPlane", "NIOHTTP1": "ControlPlane", "NIOPosix": "ControlPlane",
        "NIOSSL": "ControlPlane",
        "Yams": "Daemon",
    ]

    /// Swift's own.
    static let system: Set<String> = [
        "Dispatch", "Foundation", "FoundationEssentials", "FoundationNetworking", "Glibc",
        "Synchronization",
    ]

    let rows: [(name: String, targets: [String])]
    private let ranks: [String: Int]

    /// - Parameter text: a line a layer, `name: target target …`; what begins with `#` is a comment.
    init(text: String) {
        rows = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (
                String(parts[0]),
                parts.dropFirst().first?.split(separator: " ").map(String.init) ?? []
            )
        }
        let ours = rows.filter { $0.name != "foreign" }.flatMap(\.targets)
        ranks = Dictionary(zip(ours, 0...), uniquingKeysWith: { first, _ in first })
    }

    static let read: Layers = {
        let file = SourceTree.root.appendingPathComponent("deploy/layers")
        return Layers(text: (try? String(contentsOf: file, encoding: .utf8)) ?? "")
    }()

    /// Why a target's file may not import a module; nil where it may.
    func objection(to module: String, in target: String) -> String? {
        if Self.system.contains(module) { return nil }
        if let owner = Self.owners[module] {
            if let owner { return owner == target ? nil : "\(module) is \(owner)'s alone" }
            let commands = rows.last?.targets ?? []
            return commands.contains(target) ? nil : "only commands read arguments"
        }
        guard let above = ranks[target] else { return "\(target) has no layer" }
        guard let below = ranks[module] else { return "\(module) has no layer" }
        return below < above ? nil : "\(module) is not below \(target)"
    }
}
