import Foundation
import Testing
import Tokenization

@Suite("the same tokens as the reference")
struct ParityTests {
    struct Sample {
        let text: String
        /// Digests of the ids with the model's vocabulary and with the cased one.
        let uncased: UInt32
        let cased: UInt32
    }

    static func samples() throws -> [Sample] {
        let lines = try Fixtures.lines("texts.txt")
        let quoted = "[" + lines.map { $0.dropFirst(16) }.joined(separator: ",") + "]"
        let texts = try JSONDecoder().decode([String].self, from: Data(quoted.utf8))
        return try zip(texts, lines).map { text, line in
            Sample(
                text: text,
                uncased: try #require(UInt32(line.prefix(8), radix: 16)),
                cased: try #require(UInt32(line.dropFirst(8).prefix(8), radix: 16)))
        }
    }

    @Test("24,842 texts have the reference's ids with the model's vocabulary")
    func uncased() throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.model())
        #expect(tokenizer.isUncased && tokenizer.vocabularySize == 30522)
        try compare(tokenizer, \.uncased)
    }

    @Test("24,842 texts have the reference's ids with a cased vocabulary")
    func cased() throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.path("cased"))
        #expect(!tokenizer.isUncased)
        try compare(tokenizer, \.cased)
    }

    private func compare(
        _ tokenizer: WordPieceTokenizer, _ expected: KeyPath<Sample, UInt32>
    ) throws {
        let samples = try Self.samples()
        #expect(samples.count == 24842)
        let wrong = samples.filter {
            digest(tokenizer.encode($0.text, maxTokens: 100_000)) != $0[keyPath: expected]
        }
        let first = wrong.first?.text.unicodeScalars.map { $0.escaped(asASCII: true) }.joined()
        let tokens = (wrong.first?.text).map { tokenizer.tokens($0).prefix(40) }
        #expect(
            wrong.isEmpty,
            "\(wrong.count) texts differ, the first is \(first ?? "") with \(tokens ?? [])")
    }

    @Test("every scalar value has the reference's ids, in a word and alone, in both vocabularies")
    func scalars() throws {
        let tokenizers = [
            try WordPieceTokenizer(directory: Fixtures.model()),
            try WordPieceTokenizer(directory: Fixtures.path("cased")),
        ]
        let lines = try Fixtures.lines("scalars.txt")
        #expect(lines.count == 0x110000 / 4096)
        for (block, line) in lines.enumerated() {
            for (tokenizer, expected) in zip(tokenizers, line.split(separator: " ")) {
                var found: UInt32 = 0x811C_9DC5
                for value in UInt32(block * 4096)..<UInt32((block + 1) * 4096) {
                    guard let scalar = Unicode.Scalar(value) else { continue }
                    let ids = tokenizer.encode("a\(scalar)b \(scalar)", maxTokens: 100)
                    found = digest(ids, from: found)
                }
                #expect(
                    found == UInt32(expected, radix: 16),
                    "a scalar from \(String(block * 4096, radix: 16)) on differs")
            }
        }
    }

    @Test(
        "texts that go wrong easily have the reference's tokens",
        arguments: [
            ("unaffable Café", "una ##ffa ##ble cafe"),
            ("[CLS]don't[MASK][SEP", "[CLS] don ' t [MASK] [ sep"),
            ("中文abc 測", "中 文 abc [UNK]"),
            ("İSTANBUL ΌΣΟΣ", "istanbul ο ##σ ##ο ##σ"),
            ("Straße ŉ", "st ##raße [UNK]"),
            ("한국", "ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ"),
            ("a\u{200B}b\u{0}c\u{FFFD}d", "abc ##d"),
            ("a\u{85}b a\u{B}b", "ab ab"),
            ("3.5kg @$9,99", "3 . 5 ##k ##g @ $ 9 , 99"),
            ("\u{301}\u{200D} ", ""),
        ])
    func examples(text: String, expected: String) throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.model())
        let found = tokenizer.tokens(text).joined(separator: " ")
        #expect(found.unicodeScalars.elementsEqual(expected.unicodeScalars), "\(found)")
    }

    @Test(
        "marks that are no accents to the reference come in canonical order",
        arguments: [
            ("a\u{302E}\u{1B44}", "a ##\u{1B44} ##\u{302E}"),
            ("a\u{302E}\u{301}\u{1B44}", "a ##\u{1B44} ##\u{302E}"),
            // U+034F is stripped, yet no mark passes it.
            ("a\u{302E}\u{34F}\u{1B44}", "a ##\u{302E} ##\u{1B44}"),
            ("\u{C1}\u{302E}\u{1B44}a", "a ##\u{1B44} ##\u{302E} ##a"),
            ("a\u{1D165}\u{302E}\u{1D165}", "a ##\u{1D165} ##\u{1D165} ##\u{302E}"),
        ])
    func marks(text: String, expected: String) throws {
        let folder = try ScratchFolder()
        let pieces = "a ##a ##\u{1B44} ##\u{302E} ##\u{1D165}".replacing(" ", with: "\n")
        try folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\(pieces)\n")
        let tokenizer = try WordPieceTokenizer(directory: folder.path)
        // Swift strings compare canonically, which would hide the order.
        let found = tokenizer.tokens(text).joined(separator: " ")
        #expect(found.unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test("a word of 100 characters is cut in pieces, one of 101 is unknown")
    func longWords() throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.model())
        #expect(!tokenizer.tokens(String(repeating: "a", count: 100)).contains("[UNK]"))
        #expect(tokenizer.tokens(String(repeating: "a", count: 101)) == ["[UNK]"])
        #expect(tokenizer.tokens(String(repeating: "é", count: 100_000) + " b") == ["[UNK]", "b"])
    }
}

@Suite("sequences")
struct SequenceTests {
    @Test("a cut text keeps its first tokens, and [SEP] stays last")
    func truncation() throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.model())
        let text = "Unaffable [MASK] pretzels, 3.5kg " + String(repeating: "x", count: 150)
        let whole = tokenizer.encode(text, maxTokens: 1000)
        #expect(whole.first == tokenizer.classificationId && whole.first == 101)
        #expect(whole.last == tokenizer.separatorId && whole.last == 102)
        #expect(whole.count == tokenizer.tokens(text).count + 2)
        for count in 2...whole.count {
            let cut = tokenizer.encode(text, maxTokens: count)
            #expect(cut == whole.prefix(count - 1) + [tokenizer.separatorId])
        }
    }

    @Test("a cut inside a word that turns out unknown keeps [UNK], not its first pieces")
    func cutInsideUnknownWord() throws {
        let folder = try ScratchFolder()
        try folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##a\n")
        let tokenizer = try WordPieceTokenizer(directory: folder.path)
        #expect(tokenizer.encode("aaaab a", maxTokens: 3) == [2, 1, 3])
        #expect(tokenizer.encode("aaaaa a", maxTokens: 3) == [2, 4, 3])
    }

    @Test("an empty text is [CLS] [SEP]")
    func empty() throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.model())
        #expect(tokenizer.encode("", maxTokens: 2) == [101, 102])
        #expect(tokenizer.encode(" \u{200B}\n", maxTokens: 256) == [101, 102])
        #expect(tokenizer.paddingId == 0 && tokenizer.unknownId == 100)
        #expect(tokenizer.token(7592) == "hello" && tokenizer.token(-1) == nil)
        #expect(tokenizer.token(30522) == nil)
    }

    @Test("threads that share a tokenizer get the ids that one thread gets")
    func shared() async throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.model())
        let texts = try ParityTests.samples().prefix(4000).map(\.text)
        let alone = texts.map { tokenizer.encode($0, maxTokens: 32) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask { texts.map { tokenizer.encode($0, maxTokens: 32) } == alone }
            }
            for await same in group { #expect(same) }
        }
    }
}
