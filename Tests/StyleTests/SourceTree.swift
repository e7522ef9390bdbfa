import Foundation

/// One file of the tree, as its lines.
struct SourceFile: Sendable {
    /// From the project's folder on, `Sources/Engine/Engine.swift`.
    let path: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isTest: Bool { path.hasPrefix("Tests/") }
    var name: String { path.split(separator: "/").last.map(String.init) ?? "" }
    /// The folder below `Sources` or `Tests`.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    var lineCount: Int { lines.last == "" ? lines.count - 1 : lines.count }

    /// The modules that the file imports.
    var imports: [String] {
        guard isSwift else { return [] }
        return lines.compactMap { line in
            guard line.has("import") else { return nil }
            var words = line.split(separator: " ")[...]
            if ["internal", "package", "public"].contains(words.first) { words.removeFirst() }
            guard words.first == "import" else { return nil }
            return words.dropFirst().first.map(String.init)
        }
    }
}

/// Our own code: what is below `Sources` and `Tests`, each file once.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let files: [SourceFile] = {
        ["Sources", "Tests"].flatMap { files(below: $0, of: root) }
            .sorted { $0.path < $1.path }
    }()

    /// The targets' own code, no tests.
    static var sources: [SourceFile] { files.filter { !$0.isTest } }

    private static func files(below folder: String, of root: URL) -> [SourceFile] {
        let keys: [URLResourceKey] = [.isRegularFileKey, .isSymbolicLinkKey]
        let walk = FileManager.default.enumerator(
            at: root.appendingPathComponent(folder), includingPropertiesForKeys: keys)
        return (walk?.compactMap { $0 as? URL } ?? []).compactMap { url in
            guard ["swift", "c", "h", "cpp"].contains(url.pathExtension),
                // A file that several targets share is a link in all of them but one.
                (try? url.resourceValues(forKeys: Set(keys)))?.isSymbolicLink == false,
                let text = try? String(contentsOf: url, encoding: .utf8)
            else { return nil }
            return SourceFile(path: String(url.path.dropFirst(root.path.count + 1)), text: text)
        }
    }
}

extension Substring {
    /// Whether the word stands in the line; compared by bytes, which is what makes the rules fast.
    func has(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        return unsafe utf8.withContiguousStorageIfAvailable { line in
            guard line.count >= count else { return false }
            for start in 0...line.count - count where unsafe line[start] == word.utf8Start[0] {
                var same = 1
                while same < count, unsafe line[start + same] == word.utf8Start[same] { same += 1 }
                if same == count { return true }
            }
            return false
        } ?? contains("\(word)")
    }

    /// Without the blanks at both ends.
    var trimmed: Substring {
        var rest = self
        while rest.utf8.first == UInt8(ascii: " ") { rest.removeFirst() }
        while rest.utf8.last == UInt8(ascii: " ") { rest.removeLast() }
        return rest
    }
}
