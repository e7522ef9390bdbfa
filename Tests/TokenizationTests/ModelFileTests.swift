import Foundation
import Testing
import Tokenization

@Suite("the files of a model")
struct ModelFileTests {
    static let words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "e", "é", "##e", "中", "İ", "a",
    ]

    /// A `tokenizer.json` of these words; `changes` replace or add members at the top.
    static func tokenizerJSON(
        normalizer: String = #"{"type": "BertNormalizer", "lowercase": true}"#,
        changing: [String: String] = [:]
    ) -> String {
        let vocabulary = words.enumerated().map { #""\#($1)": \#($0)"# }.joined(separator: ", ")
        let members = [
            "normalizer": normalizer,
            "pre_tokenizer": #"{"type": "BertPreTokenizer"}"#,
            "post_processor":
                #"{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}"#,
            "added_tokens":
                #"[{"id": 3, "content": "[SEP]", "special": true, "normalized": false}]"#,
            "model": #"{"type": "WordPiece", "vocab": {\#(vocabulary)}}"#,
        ].merging(changing) { $1 }
        return "{" + members.map { #""\#($0)": \#($1)"# }.joined(separator: ",\n") + "}"
    }

    static func load(_ json: String, config: String? = nil) throws -> WordPieceTokenizer {
        let folder = try ScratchFolder()
        try folder.write("tokenizer.json", json)
        if let config { try folder.write("tokenizer_config.json", config) }
        return try WordPieceTokenizer(directory: folder.path)
    }

    @Test("both formats of one vocabulary give the same ids")
    func formats() throws {
        let model = try Fixtures.model()
        let folder = try ScratchFolder()
        for name in ["vocab.txt", "tokenizer_config.json"] {
            try folder.write(name, Data(contentsOf: URL(filePath: "\(model)/\(name)")))
        }
        let json = try WordPieceTokenizer(directory: model)
        let lines = try WordPieceTokenizer(directory: folder.path)
        for sample in try ParityTests.samples().prefix(8000) {
            let ids = json.encode(sample.text, maxTokens: 1000)
            #expect(ids == lines.encode(sample.text, maxTokens: 1000))
        }
    }

    @Test(
        "every option of the normaliser does what it does in the reference",
        arguments: [
            (#""lowercase": true"#, "E É 中e", "e e 中 e"),
            (#""lowercase": true, "strip_accents": false"#, "E É 中e", "e é 中 e"),
            (#""lowercase": true, "strip_accents": null"#, "É", "e"),
            (#""lowercase": false"#, "E é İ", "[UNK] é İ"),
            (#""lowercase": false, "strip_accents": true"#, "e é İ", "e e [UNK]"),
            (#""lowercase": true, "handle_chinese_chars": false"#, "中e", "中 ##e"),
            (#""lowercase": true, "clean_text": false"#, "e\u{200B}e e\u{A0}e", "[UNK] e e"),
        ])
    func options(members: String, text: String, expected: String) throws {
        let normalizer = #"{"type": "BertNormalizer", \#(members)}"#
        let tokenizer = try Self.load(Self.tokenizerJSON(normalizer: normalizer))
        #expect(tokenizer.tokens(text).joined(separator: " ") == expected)
    }

    @Test("tokenizer_config.json has the last word on case and accents")
    func settings() throws {
        let json = Self.tokenizerJSON()
        let cased = try Self.load(json, config: #"{"do_lower_case": false}"#)
        #expect(cased.tokens("E é") == ["[UNK]", "é"] && !cased.isUncased)
        let accented = try Self.load(json, config: #"{"strip_accents": false}"#)
        #expect(accented.tokens("E É") == ["e", "é"])
    }

    @Test("a special token may have another name")
    func renamed() throws {
        let folder = try ScratchFolder()
        try folder.write("vocab.txt", "<pad>\n<unk>\n<s>\n</s>\na\r\n##a")
        try folder.write(
            "tokenizer_config.json",
            #"""
            {"pad_token": "<pad>", "unk_token": {"content": "<unk>"}, "cls_token": "<s>",
             "sep_token": "</s>", "mask_token": null}
            """#)
        let tokenizer = try WordPieceTokenizer(directory: folder.path)
        #expect(tokenizer.encode("aa</s>b", maxTokens: 9) == [2, 4, 5, 3, 1, 3])
    }

    @Test("added tokens are found in the text as it is, or in its normal form, as they say")
    func addedTokens() throws {
        let added = #"""
            [{"id": 11, "content": "Big", "normalized": true, "special": false},
             {"id": 12, "content": "RAW", "normalized": false, "special": false},
             {"id": 13, "content": "RAWER", "normalized": false, "rstrip": true}]
            """#
        let tokenizer = try Self.load(Self.tokenizerJSON(changing: ["added_tokens": added]))
        #expect(
            tokenizer.tokens("aBÍGe RAWe raw RAWERe") == [
                "a", "Big", "e", "RAW", "e", "[UNK]", "RAWER", "e",
            ])
        #expect(tokenizer.vocabularySize == 14)
    }

    @Test("tokens that differ only in how an accent is encoded stay two")
    func encodings() throws {
        let folder = try ScratchFolder()
        try folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\u{E9}\ne\u{301}\n")
        try folder.write("tokenizer_config.json", #"{"do_lower_case": false}"#)
        let tokenizer = try WordPieceTokenizer(directory: folder.path)
        #expect(tokenizer.encode("\u{E9} e\u{301}", maxTokens: 9) == [2, 4, 5, 3])
    }
}
