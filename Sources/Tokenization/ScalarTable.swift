/// What the normaliser is told to do: the members of `BertNormalizer`.
struct NormalizerOptions: Sendable, Equatable {
    var cleansText = true
    var spacesIdeographs = true
    var stripsAccents = true
    var lowercases = true

    /// Changes nothing: for text that has been normalised already.
    static let none = NormalizerOptions(
        cleansText: false, spacesIdeographs: false, stripsAccents: false, lowercases: false)
}

/// What a scalar is, once normalised, to the pre-tokeniser.
enum ScalarKind: UInt32 {
    /// A word of its own.
    case punctuation
    /// Ends a word, belongs to none.
    case separator
    case letter
}

/// For every scalar value, all that the normaliser and the pre-tokeniser do with it.
///
/// Made once for a set of options, so that the loop over a text looks up one word a scalar.
struct ScalarTable: Sendable {
    /// What a scalar becomes. Bits 0 to 20 hold a payload, 21 to 23 the action; the flags follow.
    struct Entry: Sendable {
        enum Action: UInt32 {
            /// The scalar itself, a letter. Nought, so that most blocks of the table are equal.
            case same
            case drop
            /// A starter that leaves no trace but that marks are not reordered across it.
            case barrier
            case punctuation
            case separator
            case letter
            /// `sequences` from the payload on; the first element there is the count.
            case sequence
            case hangul
        }
        var bits: UInt32 = 0

        init(_ action: Action, _ payload: UInt32 = 0) {
            bits = action.rawValue << 21 | payload
        }

        @inline(__always) var action: Action {
            // All eight values of three bits are cases.
            Action(rawValue: bits >> 21 & 7) ?? .same
        }
        @inline(__always) var payload: UInt32 { bits & 0x1F_FFFF }
        /// A space is put on either side.
        static let isolated: UInt32 = 1 << 24
        /// A mark that is kept: it may have to change places with its neighbours.
        static let mark: UInt32 = 1 << 25
        @inline(__always) var isIsolated: Bool { bits & Self.isolated != 0 }
        @inline(__always) var isMark: Bool { bits & Self.mark != 0 }
    }

    private static let blockSize = 256
    private var blockIndex: [UInt16] = []
    private var blocks: [UInt32] = []
    private(set) var sequences: [Entry] = []
    private var combining: [UInt32: UInt8] = [:]

    @inline(__always)
    subscript(_ scalar: UInt32) -> Entry {
        let block = Int(blockIndex[Int(scalar >> 8)])
        var entry = Entry(.same)
        entry.bits = blocks[block << 8 | Int(scalar & 0xFF)]
        return entry
    }

    /// The canonical combining class of a mark that is kept.
    func combiningClass(_ scalar: UInt32) -> UInt8 { combining[scalar] ?? 0 }

    init(_ options: NormalizerOptions) {
        var builder = ScalarTableBuilder(options)
        let entries = builder.entries()
        sequences = builder.sequences
        combining = options.stripsAccents ? builder.combining : [:]
        var known: [ArraySlice<UInt32>: UInt16] = [:]
        for start in stride(from: 0, to: entries.count, by: Self.blockSize) {
            let block = entries[start..<start + Self.blockSize]
            if let index = known[block] {
                blockIndex.append(index)
                continue
            }
            let index = UInt16(blocks.count / Self.blockSize)
            known[block] = index
            blockIndex.append(index)
            blocks.append(contentsOf: block)
        }
    }
}

/// Works out the entries of a `ScalarTable` from the Unicode tables.
private struct ScalarTableBuilder {
    let options: NormalizerOptions
    var sequences: [ScalarTable.Entry] = []
    var combining: [UInt32: UInt8] = [:]
    private var lower: [UInt32: UInt32] = [:]
    private var kinds: [ScalarKind]
    private static let scalarCount = 0x110000
    /// U+0130 is the one scalar with a lower case of two: i and a dot above.
    private static let dottedCapitalI: UInt32 = 0x130

    init(_ options: NormalizerOptions) {
        self.options = options
        kinds = Array(repeating: .letter, count: Self.scalarCount)
        for run in TableRun.parse(UnicodeTables.separators) {
            for scalar in run.scalars { kinds[Int(scalar)] = .separator }
        }
        for run in TableRun.parse(UnicodeTables.punctuation) {
            for scalar in run.scalars { kinds[Int(scalar)] = .punctuation }
        }
        for run in TableRun.parse(UnicodeTables.combining) {
            guard let value = UInt8(run.value) else { continue }
            for scalar in run.scalars { combining[scalar] = value }
        }
        for run in TableRun.parse(UnicodeTables.lowercase) {
            guard let delta = Int32(run.value) else { continue }
            for scalar in run.scalars {
                lower[scalar] = UInt32(bitPattern: Int32(bitPattern: scalar) + delta)
            }
        }
    }

    mutating func entries() -> [UInt32] {
        var entries = (0..<UInt32(Self.scalarCount)).map { scalar in
            // Most scalars are letters that nothing happens to.
            kinds[Int(scalar)] == .letter ? 0 : plain(scalar).bits
        }
        if options.lowercases {
            for scalar in lower.keys { entries[Int(scalar)] = lowercased(scalar).bits }
            entries[Int(Self.dottedCapitalI)] =
                sequence([plain(UInt32(UInt8(ascii: "i"))), plain(0x307)]).bits
        }
        if options.stripsAccents {
            for scalar in combining.keys { entries[Int(scalar)] = lowercased(scalar).bits }
            for run in TableRun.parse(UnicodeTables.folds) {
                let entry = folded(run.value)
                for scalar in run.scalars { entries[Int(scalar)] = entry.bits }
            }
            for scalar in 0xAC00...0xD7A3 {
                entries[scalar] = ScalarTable.Entry(.hangul).bits
            }
        }
        if options.spacesIdeographs {
            for run in TableRun.parse(UnicodeTables.ideographs) {
                for scalar in run.scalars { entries[Int(scalar)] |= ScalarTable.Entry.isolated }
            }
        }
        if options.cleansText {
            for run in TableRun.parse(UnicodeTables.dropped) {
                for scalar in run.scalars { entries[Int(scalar)] = ScalarTable.Entry(.drop).bits }
            }
            for run in TableRun.parse(UnicodeTables.spaces) {
                for scalar in run.scalars { entries[Int(scalar)] = plain(0x20).bits }
            }
        }
        return entries
    }

    /// The entry of a scalar that stays what it is.
    private func plain(_ scalar: UInt32) -> ScalarTable.Entry {
        switch kinds[Int(scalar)] {
        case .punctuation: ScalarTable.Entry(.punctuation, scalar)
        case .separator: ScalarTable.Entry(.separator, scalar)
        case .letter: ScalarTable.Entry(.letter, scalar)
        }
    }

    /// The entry of a scalar whose accents are gone already.
    private func lowercased(_ scalar: UInt32) -> ScalarTable.Entry {
        var entry = plain(options.lowercases ? lower[scalar] ?? scalar : scalar)
        if options.stripsAccents, combining[scalar] != nil { entry.bits |= ScalarTable.Entry.mark }
        return entry
    }

    private mutating func folded(_ targets: String) -> ScalarTable.Entry {
        let elements = targets.split(separator: ",").map { target in
            UInt32(target, radix: 16).map(lowercased) ?? ScalarTable.Entry(.barrier)
        }
        switch elements.count {
        case 0: return ScalarTable.Entry(.drop)
        case 1: return elements[0]
        default: return sequence(elements)
        }
    }

    private mutating func sequence(_ elements: [ScalarTable.Entry]) -> ScalarTable.Entry {
        let start = UInt32(sequences.count)
        sequences.append(ScalarTable.Entry(.same, UInt32(elements.count)))
        sequences.append(contentsOf: elements)
        return ScalarTable.Entry(.sequence, start)
    }
}

/// One run of a Unicode table: `first-last/stride>value`, where all but `first` may be missing.
struct TableRun {
    let scalars: StrideThrough<UInt32>
    let value: String

    /// The tables are part of the program: a run that cannot be read is a broken build.
    static func parse(_ table: StaticString) -> [TableRun] {
        "\(table)".split(separator: " ").map { text in
            let ends = text.prefix { $0 != ">" && $0 != "/" }.split(separator: "-")
            var rest = text.drop { $0 != ">" && $0 != "/" }
            var step: UInt32 = 1
            if rest.first == "/" {
                step = UInt32(rest.dropFirst().first?.wholeNumberValue ?? 1)
                rest = rest.dropFirst(1)
            }
            guard let first = ends.first.flatMap({ UInt32($0, radix: 16) }),
                let last = ends.last.flatMap({ UInt32($0, radix: 16) })
            else { preconditionFailure("the Unicode table holds \(text)") }
            return TableRun(
                scalars: stride(from: first, through: last, by: Int(step)),
                value: String(rest.dropFirst()))
        }
    }
}
