import Testing

@Suite("Imports go downward") struct LayerTests {
    @Test("every import is of a lower layer, and each foreign library has one owner")
    func imports() {
        for file in SourceTree.sources {
            for module in file.imports {
                let objection = Layers.read.objection(to: module, in: file.target)
                #expect(objection == nil, "\(file.path) imports \(module): \(objection ?? "")")
            }
        }
    }

    @Test("the layers name every target that there is, each once")
    func complete() {
        let there = Set(SourceTree.sources.filter(\.isSwift).map(\.target))
        let named = Layers.read.rows.flatMap(\.targets)
        #expect(there.subtracting(named).isEmpty)
        #expect(named.count == Set(named).count)
        #expect(Layers.read.rows.first?.name == "foreign")
    }

    @Test(
        "an arrow upward, sideways or to somebody else's library is objected to",
        arguments: [
            ("Engine", "Daemon"), ("Engine", "KafkaStream"),
            ("Engine", "SnapshotStore"), ("Pricing", "CLMDB"), ("Daemon", "ArgumentParser"),
            ("Engine", "Nobody"), ("Nobody", "Records"), ("Tensor", "Encoder"),
        ])
    func objected(target: String, module: String) {
        #expect(Layers.read.objection(to: module, in: target) != nil)
    }

    @Test("what imports a file has is read from its lines")
    func read() {
        let file = SourceFile(
            path: "Sources/A/B.swift",
            text: "import Foundation\ninternal import CLMDB\n// import No\n\nimportant()\n")
        #expect(file.imports == ["Foundation", "CLMDB"])
        #expect(file.target == "A" && file.lineCount == 5)
    }
}
