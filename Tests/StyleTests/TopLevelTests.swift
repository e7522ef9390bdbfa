import Foundation
import Testing

@Suite("The top level is tidy") struct TopLevelTests {
    /// What is there beside hidden files; the package manager makes its list of versions.
    private static let entries: Set<String> = [
        "Package.resolved", "Package.swift", "README.md", "Sources", "Tests", "deploy", "schemas",
    ]

    @Test("nothing lies at the top but what belongs there")
    func entries() throws {
        let found = try FileManager.default.contentsOfDirectory(atPath: SourceTree.root.path)
            .filter { !$0.hasPrefix(".") }
        #expect(Set(found).subtracting(Self.entries) == [])
        #expect(found.contains("Package.swift"))
    }
}
