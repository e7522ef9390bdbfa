import Foundation
import Testing
import Tokenization

@Suite("files that are wrong")
struct WrongFileTests {
    private func message(_ files: [String: String]) throws -> String {
        let folder = try ScratchFolder()
        for (name, text) in files { try folder.write(name, text) }
        do {
            _ = try WordPieceTokenizer(directory: folder.path)
        } catch {
            return "\(error)".replacing(folder.path, with: "DIR")
        }
        return "no error"
    }

    private func message(changing: [String: String]) throws -> String {
        try message(["tokenizer.json": ModelFileTests.tokenizerJSON(changing: changing)])
    }

    @Test("a folder without a tokenizer says which files it could have")
    func missing() throws {
        #expect(
            try message([:])
                == "DIR holds no tokenizer: neither tokenizer.json nor vocab.txt is there")
        #expect(throws: TokenizationError.noVocabulary(directory: "/nowhere")) {
            try WordPieceTokenizer(directory: "/nowhere")
        }
    }

    @Test("a file that cannot be read is named")
    func unreadable() throws {
        let folder = try ScratchFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path + "/tokenizer.json", withIntermediateDirectories: false)
        let error = #expect(throws: TokenizationError.self) {
            try WordPieceTokenizer(directory: folder.path)
        }
        #expect("\(try #require(error))".hasPrefix("\(folder.path)/tokenizer.json cannot be read"))
    }

    @Test(
        "a vocabulary without a token that every text needs is refused",
        arguments: ["[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    func missingToken(token: String) throws {
        let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"].filter { $0 != token }
        let lines = words.joined(separator: "\n")
        #expect(
            try message(["vocab.txt": lines])
                == "DIR/vocab.txt: the vocabulary has no token \(token)")
        let vocabulary = words.enumerated().map { #""\#($1)": \#($0)"# }.joined(separator: ",")
        #expect(
            try message(changing: ["model": #"{"type": "WordPiece", "vocab": {\#(vocabulary)}}"#])
                == "DIR/tokenizer.json: the vocabulary has no token \(token)")
    }

    @Test(
        "malformed JSON is refused, with the place",
        arguments: [
            ("", "the end of the text where a value should be at byte 0"),
            ("{", "no key in an object at byte 1"),
            (#"{"a" 1}"#, "no colon after a key at byte 5"),
            (#"{"a": 1"#, "an object that does not end at byte 7"),
            (#"["a", ]"#, "no JSON value at byte 6"),
            (#"["a" "#, "an array that does not end at byte 5"),
            ("{} x", "text after the value at byte 3"),
            ("01", "no JSON value at byte 2"),
            ("1.", "a number that breaks off at byte 2"),
            ("1e", "a number that breaks off at byte 2"),
            ("nul", "no JSON value at byte 3"),
            (#""a"#, "a string that does not end at byte 2"),
            ("\"\u{1}\"", "a control character in a string at byte 2"),
            (#""\x""#, "an unknown escape at byte 3"),
            (#""\u12g4""#, "an escape without four hexadecimal digits at byte 5"),
            (#""\ud800""#, "half of a surrogate pair at byte 7"),
            (#""\ud800\u0041""#, "half of a surrogate pair at byte 13"),
        ])
    func malformed(json: String, reason: String) throws {
        #expect(
            try message(["tokenizer.json": json]) == "DIR/tokenizer.json is damaged: \(reason)")
        let lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"
        #expect(
            try message(["vocab.txt": lines, "tokenizer_config.json": json])
                == "DIR/tokenizer_config.json is damaged: \(reason)")
    }

    @Test("JSON that is nested without end is refused before the stack ends")
    func nested() throws {
        #expect(
            try message(["tokenizer.json": String(repeating: "[", count: 1_000_000)])
                == "DIR/tokenizer.json is damaged: nesting that is too deep at byte 64")
    }

    @Test("a file that is far too large is refused unread")
    func tooLarge() throws {
        let folder = try ScratchFolder()
        try folder.write("vocab.txt", "")
        // The file system stores nothing for the hole.
        let file = try FileHandle(forWritingTo: URL(filePath: "\(folder.path)/vocab.txt"))
        try file.truncate(atOffset: 1 << 40)
        try file.close()
        #expect(
            throws: TokenizationError.unsupported(
                file: "\(folder.path)/vocab.txt", what: "a file of 1099511627776 bytes")
        ) {
            try WordPieceTokenizer(directory: folder.path)
        }
    }

    @Test("text that is not UTF-8 is refused", arguments: ["tokenizer.json", "vocab.txt"])
    func notUTF8(name: String) throws {
        let folder = try ScratchFolder()
        try folder.write(name, [0x22, 0xFF, 0x22])
        let error = #expect(throws: TokenizationError.self) {
            try WordPieceTokenizer(directory: folder.path)
        }
        #expect("\(try #require(error))".contains("not UTF-8"))
    }

    @Test("every cut of a tokenizer.json is an error, never a crash")
    func truncated() throws {
        let bytes = Array(ModelFileTests.tokenizerJSON().utf8)
        let folder = try ScratchFolder()
        for count in 0..<bytes.count {
            try folder.write("tokenizer.json", bytes[..<count])
            #expect(throws: TokenizationError.self) {
                try WordPieceTokenizer(directory: folder.path)
            }
        }
    }

    @Test(
        "a tokenizer of another kind is named",
        arguments: [
            ("model", #"{"type": "BPE", "vocab": {}}"#, "the tokenizer model BPE"),
            ("model", #"{"vocab": [["a", -1.0]]}"#, "a tokenizer model that is no WordPiece"),
            (
                "model", #"{"vocab": {}, "merges": []}"#,
                "a tokenizer model that is no WordPiece"
            ),
            ("normalizer", #"{"type": "Sequence", "normalizers": []}"#, "the normalizer Sequence"),
            ("normalizer", "null", "the normalizer none"),
            ("pre_tokenizer", #"{"type": "Metaspace"}"#, "the pre-tokenizer Metaspace"),
            ("post_processor", #"{"type": "ByteLevel"}"#, "the post-processor ByteLevel"),
            (
                "post_processor", #"{"type": "TemplateProcessing", "single": []}"#,
                "a post-processor other than one token, the text, one token"
            ),
            (
                "added_tokens", #"[{"id": 11, "content": "x", "single_word": true}]"#,
                "an added token that matches whole words only (x)"
            ),
        ])
    func unsupported(member: String, value: String, what: String) throws {
        #expect(
            try message(changing: [member: value])
                == "DIR/tokenizer.json: \(what) is not supported")
    }

    @Test(
        "a member of the wrong type is refused",
        arguments: [
            ("model", "7"), ("model", #"{"type": "WordPiece", "vocab": []}"#),
            ("model", #"{"type": "WordPiece", "vocab": {"[UNK]": -1}}"#),
            ("model", #"{"type": "WordPiece", "vocab": {"[UNK]": 1.5}}"#),
            ("model", #"{"type": "WordPiece", "vocab": {"[UNK]": 1e99}}"#),
            ("model", #"{"type": "WordPiece", "vocab": {}, "max_input_chars_per_word": 0}"#),
            ("normalizer", #"{"type": "BertNormalizer", "lowercase": "yes"}"#),
            ("added_tokens", "{}"), ("added_tokens", #"[{"id": 1}]"#),
            ("added_tokens", #"[{"id": "1", "content": "x"}]"#),
            ("post_processor", #"{"type": "BertProcessing", "cls": "[CLS]"}"#),
        ])
    func wrongType(member: String, value: String) throws {
        let text = try message(changing: [member: value])
        #expect(text.hasPrefix("DIR/tokenizer.json"), "\(text)")
    }

    @Test(
        "a setting of the wrong type is refused",
        arguments: [
            "[]", #"{"do_lower_case": 1}"#, #"{"unk_token": []}"#, #"{"cls_token": ""}"#,
            #"{"added_tokens_decoder": {"x": {"content": "y"}}}"#,
            #"{"added_tokens_decoder": []}"#,
        ])
    func wrongSetting(config: String) throws {
        let lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"
        let text = try message(["vocab.txt": lines, "tokenizer_config.json": config])
        #expect(text.hasPrefix("DIR/tokenizer_config.json is damaged"), "\(text)")
    }
}
