import Testing

@Suite("Nothing stands in two places") struct RepetitionTests {
    static let linesMax = 8

    /// A run of lines and where it begins.
    struct Place: Hashable, CustomStringConvertible {
        let path: String
        let line: Int
        var description: String { "\(path):\(line)" }
    }

    /// Places that have the same `linesMax` lines of code, comments, imports and lone brackets left
    /// out; of a longer run the first.
    static func repeated(in files: [SourceFile]) -> [[Place]] {
        var seen: [ArraySlice<Substring>: [Place]] = [:]
        var runs: [[Place]] = []
        for file in files {
            let code = file.lines.enumerated().map { (number: $0 + 1, text: $1.trimmed) }
                .filter { says($0.text) }
            let texts = code.map(\.text)
            guard texts.count >= linesMax else { continue }
            for start in 0...texts.count - linesMax {
                let window = texts[start..<start + linesMax]
                seen[window, default: []].append(Place(path: file.path, line: code[start].number))
            }
        }
        runs = seen.values.filter { $0.count > 1 }
        return runs.sorted { ($0[0].path, $0[0].line) < ($1[0].path, $1[0].line) }
    }

    /// Whether a line holds something that could be said elsewhere instead.
    private static func says(_ line: Substring) -> Bool {
        !line.hasPrefix("//") && !line.hasPrefix("import ") && !line.hasPrefix("#include")
            && line.contains { $0.isLetter || $0.isNumber }
    }

    @Test("no eight lines of code are there twice")
    func none() {
        let runs = Self.repeated(in: SourceTree.files)
        let told = runs.prefix(10).map { "\($0)" }.joined(separator: "\n")
        #expect(runs.isEmpty, "\(told)")
    }

    @Test("eight equal lines are found, whatever stands between them, and seven are not")
    func found() {
        let lines = (1...8).map { "    step(\($0))" }
        let a = SourceFile(path: "a", text: "import A\n" + lines.joined(separator: "\n"))
        let b = SourceFile(path: "b", text: lines.joined(separator: "\n\n    // and\n    }\n"))
        let c = SourceFile(path: "c", text: lines.dropLast().joined(separator: "\n"))
        #expect(
            Self.repeated(in: [a, b, c])
                == [[Place(path: "a", line: 2), Place(path: "b", line: 1)]])
        #expect(Self.repeated(in: [a, c]).isEmpty)
    }
}
