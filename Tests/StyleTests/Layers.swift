/// Who may import whom: the targets from the ground up. A target imports those of lower rows alone.
///
/// `deploy/docs/architecture.md` draws the same picture.
enum Layers {
    static let rows: [[String]] = [
        ["Records"],
        ["Platform", "Tensor", "Tokenization", "Pricing", "Events"],
        [
            "Encoder", "ResponseModel", "Simulator", "EventLog", "KafkaStream", "SnapshotStore",
            "Telemetry", "ControlPlane",
        ],
        ["ContinualLearning", "LearnedWorlds"],
        ["Engine"],
        ["Daemon"],
        ["Terminal"],
        ["Benchmarks"],
        ["tidemark"],
    ]

    /// What learns and decides: no file, no socket, no broker, no store.
    static let pure: Set<String> = [
        "Records", "Tensor", "Tokenization", "Pricing", "Events", "Encoder", "ResponseModel",
        "Simulator", "ContinualLearning", "LearnedWorlds", "Engine",
    ]

    /// What talks to the world.
    static let edge: Set<String> = [
        "EventLog", "KafkaStream", "SnapshotStore", "Telemetry", "ControlPlane",
    ]

    /// Libraries of others, and the one target that knows each.
    static let foreign: [String: String] = [
        "ArgumentParser": "", "CCrypto": "Records", "CElementary": "Records",
        "CKernels": "Tensor", "COpenBLAS": "Tensor", "CLMDB": "SnapshotStore",
        "CPlatform": "Platform", "CPosterior": "ResponseModel", "CRdKafka": "KafkaStream",
        "CSimdJSON": "Events", "CZlib": "EventLog", "CZstd": "EventLog", "Logging": "Telemetry",
        "NIOCore": "ControlPlane", "NIOHTTP1": "ControlPlane", "NIOPosix": "ControlPlane",
        "Yams": "Daemon",
    ]

    /// Swift's own.
    static let system: Set<String> = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization",
    ]

    private static let heights: [String: Int] = {
        var heights: [String: Int] = [:]
        for (height, row) in rows.enumerated() { for name in row { heights[name] = height } }
        return heights
    }()

    static func height(_ target: String) -> Int? { heights[target] }

    /// Why a target's file may not import a module; nil where it may.
    static func objection(to module: String, in target: String) -> String? {
        if system.contains(module) { return nil }
        if let owner = foreign[module] {
            let isCommand = ["Terminal", "Benchmarks", "tidemark"].contains(target)
            if owner.isEmpty { return isCommand ? nil : "only commands read arguments" }
            return owner == target ? nil : "\(module) is \(owner)'s alone"
        }
        guard let above = height(target) else { return "\(target) has no layer" }
        guard let below = height(module) else { return "\(module) has no layer" }
        if below >= above { return "\(module) is not below \(target)" }
        if pure.contains(target), edge.contains(module) { return "\(target) does no I/O" }
        return nil
    }
}
