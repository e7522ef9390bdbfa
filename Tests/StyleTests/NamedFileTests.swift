import Foundation
import Testing

@Suite("What documents name is there") struct NamedFileTests {
    private static let folder = SourceTree.root.appendingPathComponent("deploy/docs")

    /// Names of code files in backticks.
    static func names(in text: String) -> [String] {
        text.split(separator: "`").filter { word in
            (word.hasSuffix(".swift") || word.hasSuffix(".c"))
                && !word.contains(where: { $0.isWhitespace || $0 == "*" })
        }.map { $0.split(separator: "/").last.map(String.init) ?? "" }
    }

    @Test("every file that the architecture names is in the tree")
    func architecture() throws {
        let url = Self.folder.appendingPathComponent("architecture.md")
        let names = Self.names(in: try String(contentsOf: url, encoding: .utf8))
        let there = Dictionary(grouping: SourceTree.files, by: \.name)
        #expect(names.count > 60)
        for name in Set(names).sorted() {
            #expect(there[name] != nil, "\(name) is not there")
        }
    }

    @Test("every decision is in the index, with a status")
    func decisions() throws {
        let decisions = Self.folder.appendingPathComponent("decisions")
        let index = try String(
            contentsOf: decisions.appendingPathComponent("README.md"), encoding: .utf8)
        let files = try FileManager.default.contentsOfDirectory(atPath: decisions.path)
            .filter { $0 != "README.md" }
        #expect(files.count > 30)
        for file in files {
            let row = index.split(separator: "\n").first { $0.contains("(\(file))") }
            let status = row?.split(separator: "|").last?.trimmed ?? ""
            #expect(status == "holds" || status.hasPrefix("replaced by"), "\(file): \(row ?? "")")
        }
    }

    @Test("names are read from backticks alone")
    func read() {
        let text = "`A.swift`, B.swift, `Sources/C/D.c` and `run --x` or `*.swift`"
        #expect(Self.names(in: text) == ["A.swift", "D.c"])
    }
}
