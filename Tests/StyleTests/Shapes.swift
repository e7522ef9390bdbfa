/// How much a declaration asks to be held in the head at once: of an initialiser its parameters, of a type its
/// stored properties.
struct Shape: Equatable {
    let line: Int
    /// `init`, or the type's name.
    let name: Substring
    let count: Int

    /// All of a file, but what is configuration: settings are looked up by name.
    static func all(in file: SourceFile) -> [Shape] {
        let lines = file.lines
        return lines.indices.compactMap { index in
            let words = declaration(lines[index])
            guard let kind = words.first else { return nil }
            if kind.hasPrefix("init"), let start = lines[index].firstRange(of: "init")?.upperBound {
                let list = lines[index][start...].drop { $0 != "(" }.dropFirst()
                let rest = lines[(index + 1)...].prefix(50)
                return Shape(line: index + 1, name: "init", count: entries([list] + rest))
            }
            guard ["struct", "class", "actor"].contains(kind),
                let name = words.dropFirst().first, !["func", "var"].contains(name),
                !lines[index].hasSuffix("}"), !isConfiguration(lines[index], file)
            else { return nil }
            let indent = lines[index].prefix { $0 == " " }
            let body = lines[(index + 1)...].prefix { !$0.hasPrefix(indent + "}") }
            let members = body.indices.filter { place in
                body[place].prefix { $0 == " " }.count == indent.count + 4
            }
            return Shape(
                line: index + 1, name: name.prefix { $0.isLetter || $0.isNumber },
                count: members.reduce(0) { $0 + stored(lines[$1], lines[$1 + 1]) })
        }
    }

    private static func isConfiguration(_ line: Substring, _ file: SourceFile) -> Bool {
        let name = line.prefix { ![":", "<", "{"].contains($0) }.trimmed
        return name.hasSuffix("Configuration") || name.hasSuffix("Settings")
            || line.has("ParsableCommand") || line.has("ParsableArguments")
            || file.path.hasPrefix("Sources/Daemon/Settings/")
    }

    /// How many stored properties a member's first line declares.
    private static func stored(_ line: Substring, _ next: Substring) -> Int {
        let words = declaration(line)
        guard let kind = words.first, ["var", "let"].contains(kind) else { return 0 }
        let isComputed = line.prefix { $0 != "=" }.has("{")
        guard !isComputed || next.has("didSet") || next.has("willSet") else { return 0 }
        return entries([words.dropFirst().joined(separator: " ")[...]])
    }

    /// The words of a line from the kind of what it declares on; of what is `static`, that comes first.
    private static func declaration(_ line: Substring) -> ArraySlice<Substring> {
        line.trimmed.split(separator: " ").drop { word in
            word.hasPrefix("@") || modifiers.contains(word.prefix { $0 != "(" })
        }
    }

    private static let modifiers: Set<Substring> = [
        "public", "package", "internal", "fileprivate", "private", "final", "lazy", "weak",
        "unowned", "nonisolated", "unsafe", "convenience", "required", "override",
    ]

    /// How many things are listed, up to the bracket that ends the list.
    private static func entries(_ pieces: [Substring]) -> Int {
        var (count, depth, isNext, isText) = (0, 0, true, false)
        for piece in pieces {
            var before: Character = " "
            for character in piece {
                defer { before = character }
                if character == "\"", before != "\\" { isText.toggle() }
                if isText { continue }
                if character == "/", before == "/" { break }
                switch character {
                case "(", "[", "{", "<": depth += 1
                case ">" where before == "-": break
                case ")", "]", "}", ">":
                    if depth == 0 { return count }
                    depth -= 1
                case "," where depth == 0: isNext = true
                case " ", "/": break
                default:
                    if isNext { count += 1 }
                    isNext = false
                }
            }
        }
        return count
    }
}
