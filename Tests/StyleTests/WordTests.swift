import Testing

@Suite("Words that code does without") struct WordTests {
    /// What a type's name must not end in: it says nothing of what the type is.
    private static let emptyNames = ["Manager", "Helper", "Util", "Utils", "Processor"]

    /// What stands for work that was put off, for a place that only one machine has, or for an end
    /// that no caller can see coming.
    private static let forbidden: [StaticString] = [
        "TODO", "FIXME", "XXX", "HACK", "/work/", "/root/", "as! ", "try! ", "fatalError(",
    ]

    /// Where the wall clock is read; everyone else is given the time.
    private static let clocks: Set<String> = [
        "Clocks.swift", "LogFormat.swift", "DaemonFixture.swift", "ConsumerTests.swift",
    ]

    static func objections(to file: SourceFile) -> [String] {
        var found: [String] = []
        for (number, line) in file.lines.enumerated() {
            for word in forbidden where line.has(word) {
                found.append("\(file.path):\(number + 1) has \(word)")
            }
            if line.has("Date()"), !clocks.contains(file.name) {
                found.append("\(file.path):\(number + 1) reads the wall clock")
            }
            if let name = declaredType(line),
                let empty = emptyNames.first(where: { name.hasSuffix($0) })
            {
                found.append("\(file.path):\(number + 1): \(name) ends in \(empty)")
            }
        }
        return found
    }

    /// The name that a line declares a type by.
    private static func declaredType(_ line: Substring) -> Substring? {
        guard
            line.has("class ") || line.has("struct ") || line.has("enum ") || line.has("actor ")
                || line.has("protocol ")
        else { return nil }
        let words = line.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "/" })
        guard
            let place = words.firstIndex(where: {
                ["class", "struct", "enum", "actor", "protocol"].contains($0)
            }), words.first?.hasPrefix("/") == false, place + 1 < words.count
        else { return nil }
        return words[place + 1]
    }

    @Test("no file has them")
    func none() {
        for file in SourceTree.files where file.isSwift && !file.path.hasSuffix("/WordTests.swift")
        {
            let found = Self.objections(to: file)
            #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
        }
    }

    @Test("each is found where there is one")
    func found() {
        let text =
            Self.forbidden.map { "\($0)" }.joined(separator: "\n") + """

                let now = Date()
                public final class OfferManager {
                enum Utils: Sendable {
                struct Help {
                """
        let file = SourceFile(path: "Sources/A/B.swift", text: text)
        #expect(Self.objections(to: file).count == Self.forbidden.count + 3)
    }
}
