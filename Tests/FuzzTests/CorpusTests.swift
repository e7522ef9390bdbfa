import Foundation
import FuzzTargets
import Testing

/// Each target on each input of its corpus, without the fuzzer: whatever was found stays mended.
@Suite struct CorpusTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzz/Corpora")

    @Test("no input of a corpus makes its target trap", arguments: FuzzTargets.all.map { $0.name })
    func corpus(name: String) throws {
        let target = try #require(FuzzTargets.named(name))
        #expect(!target.seeds.isEmpty)
        for seed in target.seeds { target.run(seed) }
        let found = Self.folder.appending(path: name)
        guard FileManager.default.fileExists(atPath: found.path) else { return }
        for file in try FileManager.default.contentsOfDirectory(atPath: found.path).sorted() {
            target.run([UInt8](try Data(contentsOf: found.appending(path: file))))
        }
    }

    @Test("every folder of inputs belongs to a target, and no two targets share a name")
    func folders() throws {
        let names = FuzzTargets.all.map { $0.name }
        #expect(Set(names).count == names.count)
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(Set(folders).subtracting(names).isEmpty)
    }
}
