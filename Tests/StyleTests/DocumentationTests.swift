import Testing

@Suite("Public declarations are documented") struct DocumentationTests {
    /// Places of public declarations without a documentation comment.
    static func undocumented(in file: SourceFile) -> [Int] {
        file.lines.indices.filter { index in
            guard isPublicDeclaration(file.lines[index]) else { return false }
            var above = index - 1
            // Attributes on lines of their own; a type's first line is none.
            while above >= 0, file.lines[above].trimmed.hasPrefix("@"),
                !file.lines[above].trimmed.hasSuffix("{")
            { above -= 1 }
            return above < 0 || !file.lines[above].trimmed.hasPrefix("///")
        }
    }

    private static let kinds: Set<Substring> = [
        "func", "var", "let", "struct", "class", "enum", "protocol", "typealias", "actor",
    ]

    private static func isPublicDeclaration(_ line: Substring) -> Bool {
        var words = line.trimmed.split(separator: " ")[...]
        while words.first?.hasPrefix("@") == true { words = words.dropFirst() }
        guard words.first == "public" else { return false }
        return words.dropFirst().prefix(5).contains {
            kinds.contains($0) || $0.hasPrefix("init(") || $0.hasPrefix("init?(")
                || $0.hasPrefix("init<") || $0.hasPrefix("subscript")
        }
    }

    @Test("each of every target is")
    func count() {
        var counts: [String: [String]] = [:]
        for file in SourceTree.sources where file.isSwift {
            counts[file.target, default: []] += Self.undocumented(in: file).map {
                "\(file.path):\($0 + 1)"
            }
        }
        for (target, places) in counts.sorted(by: { $0.key < $1.key }) {
            #expect(places.isEmpty, "\(target): public declarations without a comment: \(places)")
        }
    }

    @Test("a declaration counts as documented by the comment above it, whatever attributes it has")
    func read() {
        let file = SourceFile(
            path: "Sources/A/B.swift",
            text: """
                public struct A {
                    /// Said.
                    public let a: Int
                    /// Said.
                    @inlinable
                    @inline(__always)
                    public static func b() {}
                    // Not said.
                    public init(a: Int) {}
                    @discardableResult public mutating func c() {}
                    public private(set) var d = 0
                    let e = 0
                }
                public extension A {
                }
                /// Said.
                @safe public final class C {
                    public let f = 0
                }
                """)
        #expect(Self.undocumented(in: file).map { $0 + 1 } == [1, 9, 10, 11, 18])
    }
}
