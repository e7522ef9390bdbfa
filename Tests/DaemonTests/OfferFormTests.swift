import Daemon
import Engine
import Foundation
import Records
import Schemas
import SnapshotStore
import Testing

@Suite("Recommendations in the shape that is wanted") struct OfferFormTests {
    private static let offer: Recommendation = {
        let json = """
            {"recommendation_id":"2-0a0b","user_id":"ada|l","item_id":"it's","discount":0.15,"list_price":20,\
            "price":17,"expected_conversion":0.25,"baseline_conversion":0.125,"expected_quantity":1,\
            "propensity":1,"policy":"cost-bounded","explored":false,"holdout":false,"snapshot":"00ff",\
            "issued_at":"2026-11-30T10:15:30.500Z","expires_at":"2026-12-01T10:15:30.500Z","rules":[],\
            "reasons":[{"name":"display × depth","logit":0.5}]}
            """
        do { return try JSONDecoder().decode(Recommendation.self, from: Data(json.utf8)) } catch {
            preconditionFailure("\(error)")
        }
    }()

    private func message(
        _ settings: [String], _ change: (inout Recommendation) -> Void = { _ in }
    ) throws -> OutboxMessage {
        let configuration = try Configuration.load(
            file: nil, environment: [:], overrides: ["registry.url=http://r"] + settings)
        var offer = Self.offer
        change(&offer)
        return try OfferForm(configuration.publish).message(offer, nil)
    }

    private func headers(_ message: OutboxMessage) -> [String: String] {
        Dictionary(
            message.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
        ) { $1 }
    }

    private func json(_ message: OutboxMessage) throws -> SchemaJSON {
        try SchemaJSON(try #require(message.value))
    }

    @Test(
        "without settings it is the recommendation's own JSON, keyed by the shopper, without headers"
    )
    func plain() throws {
        let message = try message([])
        let json = try Self.offer.json()
        #expect(message.value == json)
        #expect(message.key == Array("ada|l".utf8) && message.headers.isEmpty)
        #expect(message.owner == RowOwner(user: "ada|l"))
        #expect(message.topic == "discount-recommendations")
    }

    @Test("Avro and Protobuf say what the JSON says")
    func formats() throws {
        for (format, name) in [(PayloadFormat.avro, "avsc"), (.protobuf, "proto")] {
            let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../schemas/recommendation.\(name)")
            let text = try String(contentsOf: url, encoding: .utf8)
            let configuration = try Configuration.load(
                file: nil, environment: [:],
                overrides: ["registry.url=http://r", "publish.format=\(format.rawValue)"])
            let form = try OfferForm(configuration.publish)
            // The program's schema is the file that readers have.
            #expect(form.schema?.text == text)
            let body = try #require(try form.message(Self.offer, nil).value)
            let reader = PayloadReader(format)
            reader.add(try #require(form.schema), as: .number(5))
            try reader.read(SchemaFrame.prefix(5, isProtobuf: format == .protobuf) + body)
            let found = try SchemaJSON(reader.json)
            #expect(found["item_id"] == .text("it's") && found["holdout"] == .bool(false))
            #expect(found["price"].map { "\($0)" }?.contains("17") == true)
            #expect(found["issued_at"] == .text("2026-11-30T10:15:30.5Z"))
            #expect(found["reasons"]?.array?.first?["name"] == .text("display × depth"))
            let margin = found["expected_margin"] ?? .null
            #expect(margin == .null)
            #expect((found["prior_price"] ?? .null) == .null)
            var reduced = Self.offer
            reduced.priorPrice = 18.5
            let other = try #require(try form.message(reduced, nil).value)
            try reader.read(SchemaFrame.prefix(5, isProtobuf: format == .protobuf) + other)
            #expect("\(try SchemaJSON(reader.json)["prior_price"] ?? .null)".contains("18.5"))
        }
    }

    @Test("a structured CloudEvent is one document around the same data; a binary one has headers")
    func cloudEvents() throws {
        let structured = try message(["publish.envelope=cloudevents", "publish.source=//shop"])
        let event = try self.json(structured)
        let plain = try SchemaJSON(try Self.offer.json())
        #expect(event["data"] == plain)
        #expect(event["specversion"] == .text("1.0") && event["id"] == .text("2-0a0b"))
        #expect(event["source"] == .text("//shop") && event["partitionkey"] == .text("ada|l"))
        #expect(event["type"] == .text("tidemark.recommendation"))
        #expect(event["time"] == .text("2026-11-30T10:15:30.500Z"))
        #expect(event["datacontenttype"] == .text("application/json"))
        #expect(
            headers(structured) == ["content-type": "application/cloudevents+json; charset=UTF-8"])
        let binary = try message(["publish.envelope=cloudevents_binary"])
        let json = try Self.offer.json()
        #expect(binary.value == json)
        #expect(
            headers(binary) == [
                "content-type": "application/json", "ce_specversion": "1.0", "ce_id": "2-0a0b",
                "ce_type": "tidemark.recommendation", "ce_source": "tidemark",
                "ce_time": "2026-11-30T10:15:30.500Z", "ce_partitionkey": "ada|l",
            ])
        let avro = try message(["publish.envelope=cloudevents_binary", "publish.format=avro"])
        #expect(headers(avro)["content-type"] == "application/avro")
    }

    @Test("keys name the shopper, the item or both, and no two pairs share one")
    func keys() throws {
        func key(_ name: String, _ user: String, _ item: String) throws -> String {
            let message = try message(["publish.key=\(name)"]) {
                $0.userID = user
                $0.itemID = item
            }
            return String(decoding: try #require(message.key), as: UTF8.self)
        }
        #expect(try key("item", "u", "i") == "i" && key("user_item", "u", "i") == "u|i")
        let pairs = [("a|b", "c"), ("a", "b|c"), ("a\\", "|b"), ("a\\|", "b"), ("a", "\\|b")]
        let keys = try pairs.map { try key("user_item", $0.0, $0.1) }
        #expect(Set(keys).count == pairs.count, "\(keys)")
        #expect(keys[0] == #"a\|b|c"#)
    }

    @Test("headers say what decided")
    func origin() throws {
        let message = try message(["publish.headers=true"])
        #expect(
            headers(message) == [
                "tidemark-snapshot": "00ff", "tidemark-lineage": "2",
                "tidemark-schema-version": "1",
            ])
    }

    @Test(
        "discounts are in minor units, of the item's lines; what is no whole number of them is left out"
    )
    func discounts() throws {
        func discounts(
            _ settings: String..., change: (inout Recommendation) -> Void = { _ in }
        ) throws -> SchemaJSON? {
            try json(message(settings, change))["discounts"]
        }
        let euro = try #require(try discounts("publish.discounts=ucp", "publish.currency=EUR"))
        let one = try #require(euro.array?.first)
        #expect(euro.array?.count == 1)
        #expect(one["amount"]?.integer == 300 && one["automatic"] == .bool(true))
        #expect(one["title"] == .text("Personal offer") && one["code"] == nil)
        #expect(one["method"] == .text("each"))
        let allocation = try #require(one["allocations"]?.array?.first)
        #expect(allocation["amount"]?.integer == 300)
        #expect(allocation["path"] == .text(#"$.line_items[?@.item.id == 'it\'s']"#))
        let code = try discounts(
            "publish.discounts=ucp_code", "publish.currency=BHD", "publish.discount_title=Für dich")
        #expect(code?.array?.first?["code"] == .text("2-0a0b"))
        #expect(code?.array?.first?["automatic"] == .bool(false))
        #expect(code?.array?.first?["amount"]?.integer == 3_000)
        #expect(code?.array?.first?["title"] == .text("Für dich"))
        // No discount is an empty list; cents of a currency without them are none.
        let none = try discounts("publish.discounts=ucp", "publish.currency=EUR") { $0.price = 20 }
        #expect(none == .array([]))
        let yen = try discounts("publish.discounts=ucp", "publish.currency=JPY") { $0.price = 17.5 }
        #expect(yen == nil)
        let binaryCents = try discounts("publish.discounts=ucp", "publish.currency=EUR") {
            $0.listPrice = 8.2
            $0.price = 0.1 + 0.2
        }
        #expect(binaryCents?.array?.first?["amount"]?.integer == 790)
        let tenths = try discounts("publish.discounts=ucp", "publish.currency=EUR") {
            $0.listPrice = 12_345.678
            $0.price = 12_000
        }
        #expect(tenths == nil)
        // A reduction is of the prior price, where that is the lower one.
        let prior = try discounts("publish.discounts=ucp", "publish.currency=EUR") {
            $0.priorPrice = 18
        }
        #expect(prior == nil)
    }

    @Test("a disclosure goes with personal prices alone")
    func disclosure() throws {
        let personal = try json(message(["publish.disclosure=eu-2019-2161"]))
        #expect(personal["personalised"] == .bool(true))
        #expect(personal["disclosure"] == .text("eu-2019-2161"))
        let held = try json(message(["publish.disclosure=x"]) { $0.holdout = true })
        #expect(held["personalised"] == .bool(false) && held["disclosure"] == nil)
        let listed = try json(message(["publish.disclosure=x"]) { $0.rules = ["kill_switch"] })
        #expect(listed["personalised"] == .bool(false))
        #expect(try json(message([]))["personalised"] == nil)
    }

    @Test(
        "settings that do not fit each other are refused by name",
        arguments: [
            (["publish.format=avro"], "registry.url"),
            (
                ["publish.format=avro", "registry.url=http://r", "publish.envelope=cloudevents"],
                "publish.envelope"
            ),
            (["publish.discounts=ucp"], "publish.currency"),
            (["publish.currency=euro"], "publish.currency"),
            (["publish.state_topic=discount-recommendations"], "publish.state_topic"),
            (["publish.state_topic=events"], "kafka.topics"),
            (
                ["publish.state_topic=tidemark-markers", "publish.guarantee=exactly_once"],
                "publish.marker_topic"
            ),
        ])
    func refused(overrides: [String], key: String) {
        do throws(ConfigurationError) {
            _ = try Configuration.load(file: nil, environment: [:], overrides: overrides)
            Issue.record("\(overrides) was taken")
        } catch { #expect(error.message.hasPrefix(key), "\(error)") }
    }
}
