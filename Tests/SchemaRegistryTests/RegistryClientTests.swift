import SchemaRegistry
import Schemas
import Testing

/// Answers from a table; what is not in it is missing as a registry says it.
final class TableTransport: RegistryTransport {
    var answers: [String: [RegistryAnswer]] = [:]
    var asked: [String] = []

    var bodies: [String] = []

    func post(_ path: String, _ body: [UInt8]) throws(RegistryError) -> RegistryAnswer {
        bodies.append(String(decoding: body, as: UTF8.self))
        return try get("POST " + path)
    }

    func get(_ path: String) throws(RegistryError) -> RegistryAnswer {
        asked.append(path)
        guard let answer = answers[path]?.first else {
            let text = #"{"error_code":40403,"message":"Schema not found"}"#
            return RegistryAnswer(status: 404, body: Array(text.utf8))
        }
        if let rest = answers[path], rest.count > 1 { answers[path] = Array(rest.dropFirst()) }
        if answer.status == 0 { throw .unreachable("nobody") }
        return answer
    }

    func set(_ path: String, _ answers: (Int, String)...) {
        self.answers[path] = answers.map { RegistryAnswer(status: $0.0, body: Array($0.1.utf8)) }
    }
}

@Suite("A registry is asked for schemas") struct RegistryClientTests {
    private let transport = TableTransport()

    private func client(attempts: Int = 3, pauses: @escaping (Int) -> Void = { _ in })
        -> RegistryClient
    {
        RegistryClient(transport, attempts: attempts, pause: pauses)
    }

    @Test("an id without a type is Avro; a GUID is asked for as text")
    func plain() throws {
        transport.set("/schemas/ids/7", (200, #"{"schema":"\"long\""}"#))
        #expect(try client().schema(.number(7)) == SchemaBundle(kind: .avro, text: #""long""#))
        let guid = "01020304-0506-0708-090a-0b0c0d0e0f10"
        transport.set("/schemas/guids/\(guid)", (200, #"{"schema":"{}","schemaType":"JSON"}"#))
        let id = SchemaID.guid(0x0102_0304_0506_0708, 0x090a_0b0c_0d0e_0f10)
        #expect(id.guidText == guid)
        #expect(try client().schema(id) == SchemaBundle(kind: .json, text: "{}"))
    }

    @Test("references come once each, after what they refer to themselves, also in a circle")
    func references() throws {
        func refers(_ names: String...) -> String {
            let list = names.map { #"{"name":"\#($0)","subject":"s/\#($0)","version":1}"# }
            return
                #"{"schema":"text","schemaType":"PROTOBUF","references":[\#(list.joined(separator: ","))]}"#
        }
        transport.set("/schemas/ids/1", (200, refers("a", "b")))
        transport.set("/subjects/s%2Fa/versions/1?deleted=true", (200, refers("c")))
        transport.set("/subjects/s%2Fb/versions/1?deleted=true", (200, refers("c", "b")))
        transport.set("/subjects/s%2Fc/versions/1?deleted=true", (200, refers("a")))
        let schema = try client().schema(.number(1))
        #expect(schema.imports.map(\.name) == ["c", "a", "b"])
    }

    @Test("what may pass is asked again after growing pauses; what may not is not")
    func retries() throws {
        transport.set("/schemas/ids/7", (503, "busy"), (0, ""), (200, #"{"schema":"\"int\""}"#))
        var pauses: [Int] = []
        _ = try client(pauses: { pauses.append($0) }).schema(.number(7))
        #expect(pauses == [200, 400])
        transport.set("/schemas/ids/8", (500, #"{"error_code":50001,"message":"store\nfails"}"#))
        #expect(throws: RegistryError.failing(status: 500, #"store\nfails"#)) {
            _ = try client(attempts: 4, pauses: { pauses.append($0) }).schema(.number(8))
        }
        #expect(pauses == [200, 400, 200, 400, 800])
        #expect(throws: RegistryError.unknown(what: "schema 9", "Schema not found")) {
            _ = try client().schema(.number(9))
        }
        #expect(transport.asked.count { $0 == "/schemas/ids/9" } == 1)
    }

    @Test(
        "answers that are no schema are told apart",
        arguments: [
            (401, #"{"error_code":401,"message":"Unauthorized"}"#, "asks for other credentials"),
            (403, "", "do not suffice (403)"), (404, "<html>", "is the URL the registry's?"),
            (
                404, #"{"error_code":404,"message":"HTTP 404 Not Found"}"#,
                "is the URL the registry's?"
            ),
            (200, "<html>", "what answers is no schema registry"), (200, "[]", "has no schema"),
            (200, #"{"schema":"x","schemaType":"XML"}"#, "is of type XML"),
            (200, #"{"schema":"x","references":[{}]}"#, "has no name, subject or version"),
            (418, "tea", "status 418: tea"),
        ])
    func refused(status: Int, body: String, words: String) {
        transport.set("/schemas/ids/7", (status, body))
        do throws(RegistryError) {
            _ = try client(attempts: 1).schema(.number(7))
            Issue.record("a schema came")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }

    @Test("a schema is given its id under a subject, or found there")
    func registration() throws {
        transport.set(
            "POST /subjects/deals%2F1-value/versions", (503, "busy"), (200, #"{"id":41}"#))
        let avro = SchemaBundle(kind: .avro, text: #"{"type": "long"}"#)
        #expect(try client().id(of: avro, under: "deals/1-value") == 41)
        #expect(transport.bodies.last == #"{"schema":"{\"type\": \"long\"}"}"#)
        transport.set("POST /subjects/a-value", (200, #"{"subject":"a-value","id":7,"version":3}"#))
        let proto = SchemaBundle(kind: .protobuf, text: "message A {}")
        #expect(try client().id(of: proto, under: "a-value", registers: false) == 7)
        #expect(
            transport.bodies.last == #"{"schema":"message A {}","schemaType":"PROTOBUF"}"#)
        // What is not there, does not fit, or is answered wrongly.
        #expect(throws: RegistryError.unknown(what: "subject b-value", "Schema not found")) {
            _ = try client().id(of: proto, under: "b-value", registers: false)
        }
        transport.set("POST /subjects/a-value/versions", (409, #"{"message":"incompatible"}"#))
        #expect(throws: RegistryError.rejected(status: 409, "incompatible")) {
            _ = try client().id(of: avro, under: "a-value")
        }
        for wrong in [#"{"id":"7"}"#, #"{"id":-1}"#, #"{"id":4294967296}"#, "[]", "<html>"] {
            transport.set("POST /subjects/a-value/versions", (200, wrong))
            #expect(throws: RegistryError.self, "\(wrong)") {
                _ = try client().id(of: avro, under: "a-value")
            }
        }
    }

    @Test("whether a registry answers and takes the credentials can be asked")
    func asking() throws {
        transport.set("/subjects", (200, "[]"))
        try client().ask()
        transport.set("/subjects", (401, #"{"message":"no"}"#))
        #expect(throws: RegistryError.refused(status: 401, "no")) { try client().ask() }
        transport.set("/subjects", (200, "<html>"))
        #expect(throws: RegistryError.self) { try client().ask() }
    }

    @Test("a schema that was asked for once is kept, and read without a registry")
    func kept() throws {
        transport.set("/schemas/ids/7", (200, #"{"schema":"\"long\""}"#))
        let shelf = MemoryShelf()
        let source = SchemaSource(registry: "shop", shelf: shelf, client: client())
        #expect(try source.kept(.number(7)) == nil)
        let schema = try source.schema(.number(7))
        #expect(try source.schema(.number(7)) == schema)
        #expect(transport.asked.count == 1)
        let offline = SchemaSource(registry: "shop", shelf: shelf, client: nil)
        #expect(try offline.schema(.number(7)) == schema)
        #expect(throws: RegistryError.self) { _ = try offline.schema(.number(8)) }
        let other = SchemaSource(registry: "other", shelf: shelf, client: nil)
        #expect(try other.kept(.number(7)) == nil)
    }
}
