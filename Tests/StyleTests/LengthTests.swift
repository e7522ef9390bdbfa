import Testing

@Suite("Files are short") struct LengthTests {
    private static let linesMax = 400

    /// Files that were longer when the rule came, and how long they may be. A number here only falls.
    private static let longer = [
        "Configuration+Settings.swift": 570,
        "Learner.swift": 505,
        "SnapshotsChange.swift": 411,
        "AttributionJoinTests.swift": 417,
    ]

    @Test("the tree is read")
    func isThere() {
        #expect(SourceTree.files.count > 500)
        #expect(SourceTree.files.contains { $0.path == "Tests/StyleTests/LengthTests.swift" })
    }

    @Test("no file has more lines than can be held in the head")
    func length() {
        for file in SourceTree.files {
            let most = Self.longer[file.name] ?? Self.linesMax
            #expect(file.lineCount <= most, "\(file.path) has \(file.lineCount) lines")
        }
    }
}
