import Testing

@Suite("Types and initialisers are small") struct ShapeTests {
    private static let propertiesMax = 12
    private static let parametersMax = 7

    /// Types that are nothing but a written form, by file and name, and of what.
    private static let written = [
        "AblationReport.swift Run": "a variant in the report of `ablate`",
        "Adapters+PEFT.swift PEFTFields": "adapter_config.json",
        "BertConfiguration.swift Fields": "config.json of a base",
        "ControlRequest.swift LearnerStatus": "the learner in `/v1/status`",
        "Counters.swift Counters": "a row of the store, one figure a field",
        "DaemonControl.swift DaemonStatus": "`/v1/status`",
        "Decision.swift Decision": "what is logged of one decision",
        "EffectModel+Predict.swift EffectReport": "effects in the report",
        "Head.swift Head": "the record that every commit rewrites",
        "JoinOutput.swift JoinCounts": "a row of the store, one figure a field",
        "PoisonBench.swift PoisonResult": "a row of the benchmark's JSON",
        "Recommendation.swift Recommendation": "what is published",
        "RemoteStatus.swift RemoteStatus": "`/v1/status`, as the command line reads it",
        "Report.swift Events": "events in the report",
        "Report.swift Report": "the report",
        "ResponseHead+State.swift Scalars": "a row of the store",
        "RollbackOutcome.swift RollbackOutcome": "the answer to a rollback",
        "ShopperHoldings.swift ShopperHoldings": "what `shopper show` prints",
        "SnapshotRecord.swift SnapshotRecord": "a row of the store",
        "SnapshotStore.swift StoreStatus": "what `status` says of a store",
        "SnapshotView.swift SnapshotView": "a snapshot in the API",
        "TopFigures.swift TopFigures": "what `top` shows",
    ]

    @Test("no initialiser takes more than seven, and no type holds more than twelve")
    func sizes() {
        var large: Set<String> = []
        for file in SourceTree.sources where file.isSwift {
            for shape in Shape.all(in: file) {
                let most = shape.name == "init" ? Self.parametersMax : Self.propertiesMax
                guard shape.count > most else { continue }
                let key = "\(file.name) \(shape.name)"
                large.insert(key)
                #expect(
                    Self.written[key] != nil,
                    "\(file.path):\(shape.line): \(shape.name) has \(shape.count)")
            }
        }
        for key in Self.written.keys { #expect(large.contains(key), "\(key) is not large") }
    }

    @Test("parameters and stored properties are counted, and nothing else")
    func read() {
        let file = SourceFile(
            path: "Sources/A/B.swift",
            text: """
                public struct A<T: B>: C {
                    static let none = 0
                    public private(set) var a = [1, 2], b: (Int, Int) = (1, 2)
                    @Sent let c: [String: Int], d: () -> Void
                    var sum: Int { a + b }
                    var seen: Int {
                        didSet { let old = oldValue }
                    }
                    package init?(
                        a: Int = f(1, 2), _ b: @escaping (Int, Int) -> Void,  // c, d
                        text: String = ",)"
                    ) {}
                    private final class D {}
                    final class E: F {
                        let e = 0
                    }
                    init() {}
                    class func f() {}
                }
                struct G: ParsableCommand {
                    var a = 0
                }
                struct HSettings {
                    var a = 0
                }
                """)
        let found = Shape.all(in: file)
        #expect(found.map(\.name) == ["A", "init", "E", "init"])
        #expect(found.map(\.line) == [1, 9, 14, 17])
        #expect(found.map(\.count) == [5, 3, 1, 0])
    }
}
